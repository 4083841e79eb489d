//! What is typed while a program runs. Keys go to the emulated terminal, which makes lines and
//! signals of them, and emulated time does not run ahead of that of whoever types.

#[cfg(unix)]
use super::raw_mode::RawMode;
use std::io::{self, BufRead};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;
#[expect(
    clippy::disallowed_types,
    reason = "whoever types at a program lives in the time of the host"
)]
use std::time::Instant;

/// Ends forklab, whatever the program does with other keys: Ctrl-].
const LEAVE: u8 = 0x1d;

/// What has come from the keyboard.
pub(super) enum Keys {
    /// These bytes.
    Typed(Vec<u8>),
    /// Nothing in time.
    None,
    /// The key that ends forklab.
    Leave,
    /// There will be nothing more.
    End,
}

/// A keyboard.
pub(super) struct Keyboard {
    keys: Receiver<Vec<u8>>,
    /// Whether it has ended.
    ended: bool,
    /// When the emulated time was last even with that of the host, and at which tick.
    #[expect(clippy::disallowed_types, reason = "see above")]
    even: (Instant, u64),
    #[cfg(unix)]
    raw: Option<RawMode>,
}

impl Keyboard {
    /// Begins to read the keyboard; emulated time is at that tick.
    #[expect(clippy::disallowed_types, reason = "see above")]
    pub(super) fn start(tick: u64) -> Self {
        #[cfg(unix)]
        let raw = RawMode::start();
        let (sender, keys) = mpsc::channel();
        // It ends with the process: nothing wakes it from its read.
        thread::spawn(move || {
            let mut stdin = io::stdin().lock();
            while let Ok(bytes) = stdin.fill_buf() {
                let bytes = bytes.to_vec();
                stdin.consume(bytes.len());
                if bytes.is_empty() || sender.send(bytes).is_err() {
                    return;
                }
            }
        });
        Self {
            keys,
            ended: false,
            even: (Instant::now(), tick),
            #[cfg(unix)]
            raw,
        }
    }

    /// Whether it shows nothing itself.
    #[cfg(unix)]
    pub(super) const fn is_raw(&self) -> bool {
        self.raw.is_some()
    }

    /// Whether it shows nothing itself.
    #[cfg(not(unix))]
    pub(super) const fn is_raw(&self) -> bool {
        false
    }

    /// Whether it has ended.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Waits for keys, however long it takes; emulated time is at that tick meanwhile.
    #[expect(clippy::disallowed_types, reason = "see above")]
    pub(super) fn wait(&mut self, tick: u64) -> Keys {
        let received = self.keys.recv();
        self.even = (Instant::now(), tick);
        match received {
            Ok(bytes) => Self::told(bytes),
            Err(_) => self.end(),
        }
    }

    /// The keys that come before the host's time is that of the tick.
    #[expect(clippy::disallowed_types, reason = "see above")]
    pub(super) fn keys_until(&mut self, tick: u64) -> Keys {
        let (then, first) = self.even;
        let passed = Duration::from_millis(tick.saturating_sub(first));
        let ahead = passed.checked_sub(then.elapsed());
        if ahead.is_none() {
            // The machine is slower; it need not catch up.
            self.even = (Instant::now(), tick);
        }
        match self.keys.recv_timeout(ahead.unwrap_or_default()) {
            Ok(bytes) => Self::told(bytes),
            Err(RecvTimeoutError::Timeout) => Keys::None,
            Err(RecvTimeoutError::Disconnected) => self.end(),
        }
    }

    fn told(bytes: Vec<u8>) -> Keys {
        if bytes.contains(&LEAVE) {
            Keys::Leave
        } else {
            Keys::Typed(bytes)
        }
    }

    const fn end(&mut self) -> Keys {
        self.ended = true;
        Keys::End
    }
}
