//! The operations of `futex`.

constants! {
    /// An operation of futex: sleeps while the word has the value.
    FUTEX_WAIT: u32 = 0;
    /// An operation of futex: wakes those who wait on the word.
    FUTEX_WAKE: u32 = 1;
    /// An operation of futex: wakes some, lets the others wait on another word.
    FUTEX_REQUEUE: u32 = 3;
    /// An operation of futex: FUTEX_REQUEUE if the word has the value.
    FUTEX_CMP_REQUEUE: u32 = 4;
}
