//! What time it is: the time of day, which begins at a fixed moment, and the clocks and counters that
//! advance with the ticks. Programs ask, for they have memory for the answers.

use crate::programs::printed;

/// Runs a program of these lines, and returns what it prints.
fn program(body: &str) -> Vec<String> {
    let script = format!("fn main() {{ {body} 0 }} spawn(\"p\", main, #{{uid: 0}}); run();");
    printed(&script)
}

#[test]
fn the_time_of_day_begins_at_a_fixed_moment_and_advances_with_the_ticks() {
    let lines = program(
        "let now = 0;
        let day = [0, 0];
        let mono = [0, 0];
        print(time(addr(now)) == now);
        sleep(1000);
        gettimeofday(addr(day), 0);
        clock_gettime(CLOCK_MONOTONIC, addr(mono));
        print(day[0] - 1113690036);
        print(day[0] - 1113690036 == mono[0] && mono[1] / 1000 - day[1] < 50);
        print(mono[1] / 1000000);",
    );
    assert_eq!(lines, ["true", "1", "true", "1"]);
}

#[test]
fn only_root_sets_the_clock_and_the_time_since_boot_does_not_jump() {
    let lines = program(
        "let day = [1000, 0];
        let mono = [0, 0];
        print(stime(addr(day)));
        print(time() - 1000);
        clock_gettime(CLOCK_MONOTONIC, addr(mono));
        print(mono[0]);
        day[0] = 7; day[1] = 1000000000;
        print(clock_settime(CLOCK_REALTIME, addr(day)));
        print(clock_settime(CLOCK_MONOTONIC, addr(mono)));
        print(clock_settime(CLOCK_PROCESS_CPUTIME_ID, addr(mono)));
        print(clock_settime(-8, addr(mono)));
        print(clock_settime(9, 0));
        setuid(500);
        print(stime(addr(day)));
        print(stime(0));",
    );
    let expected = ["0", "0", "0", "-22", "-22", "-22", "-1", "-22", "-1", "-14"];
    assert_eq!(lines, expected);
}

/// A sleep until a time of day ends when the clock is set beyond it.
#[test]
fn a_sleep_until_a_time_of_day_follows_the_clock() {
    let lines = printed(
        "fn sleeper() {
            let target = [1113690136, 0];
            print(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, addr(target), 0));
            0
        }
        fn setter() {
            sleep(50);
            let now = [1113690135, 990000000];
            clock_settime(CLOCK_REALTIME, addr(now));
            0
        }
        spawn(\"sleeper\", sleeper);
        spawn(\"setter\", setter, #{uid: 0});
        run();
        print(now());",
    );
    assert_eq!(lines[0], "0");
    let ended: i64 = lines[1].parse().unwrap();
    assert!((60..70).contains(&ended), "{ended}");
}

#[test]
fn sleeps_by_a_clock_take_as_long_as_nanosleep_and_some_clocks_nobody_sleeps_by() {
    let lines = program(
        "let ten = [0, 10000000];
        let past = [0, 0];
        let before = [0, 0];
        let after = [0, 0];
        clock_gettime(CLOCK_MONOTONIC, addr(before));
        print(clock_nanosleep(CLOCK_MONOTONIC, 0, addr(ten), 0));
        clock_gettime(CLOCK_MONOTONIC, addr(after));
        print((after[1] - before[1]) / 1000000);
        print(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, addr(past), 0));
        print(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, addr(ten), 0));
        print(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, addr(ten), 0));
        print(clock_nanosleep(7, 0, 0, 0));
        print(clock_nanosleep(CLOCK_REALTIME, 0, 0, 0));
        ten[1] = -1;
        print(clock_nanosleep(CLOCK_REALTIME, 0, addr(ten), 0));",
    );
    assert_eq!(lines, ["0", "12", "0", "-22", "-95", "-22", "-14", "-22"]);
}

/// `CPUCLOCK_PID`, `CPUCLOCK_PERTHREAD` and `CPUCLOCK_WHICH` of a negative clock number.
#[test]
fn clocks_of_cpu_time_count_ticks_of_a_process_or_thread() {
    let lines = program(
        "let i = 0;
        while i < 30000 { i += 1; }
        let t = [0, 0];
        print(clock_gettime(-8, addr(t)));
        let ticks = t[1] / 999848;
        print(ticks > 0);
        let tms = [0, 0, 0, 0];
        print(times(addr(tms)) >= 0 && tms[0] == ticks * 999848 / 10000000);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, addr(t));
        print(t[1] / 1000000 - ticks < 3);
        let before = t[1];
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, addr(t));
        print(t[1] > before && t[1] - before < 1000000);
        let pid = getpid();
        print(clock_gettime(-8 * (pid + 1), addr(t)));
        print(clock_gettime(-8 * (pid + 1) + 4, addr(t)));
        print(clock_gettime(-8 * (1 + 1) + 4, addr(t)));
        print(clock_gettime(-8 * (1234 + 1), addr(t)));
        print(clock_gettime(-8 + 3, addr(t)));
        clock_getres(CLOCK_REALTIME, addr(t));
        print(t[1]);
        clock_getres(CLOCK_PROCESS_CPUTIME_ID, addr(t));
        print(t[1]);
        clock_getres(-8, addr(t));
        print(t[1]);
        print(clock_getres(CLOCK_REALTIME, 0));",
    );
    let expected = [
        "0", "true", "true", "true", "true", "0", "0", "-22", "-22", "-22", "999848", "1",
        "1000000", "0",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn uname_and_sysinfo_describe_the_machine() {
    let lines = printed(
        "fn main() {
            let name = array(98);
            uname(addr(name));
            print(str(addr(name)));
            print(str(addr(name) + 130));
            print(str(addr(name) + 260));
            let info = array(16);
            sleep(2000);
            sysinfo(addr(info));
            print(info[0]);
            print(info[4] > info[5] && info[5] > 60000000);
            print(info[10] + \" \" + info[13]);
            print(personality(-1) + \" \" + personality(8) + \" \" + personality(-1));
            0
        }
        spawn(\"p\", main);
        run();",
    );
    let expected = ["Linux", "2.6.12-rc2", "i686", "3", "true", "2 1", "0 0 8"];
    assert_eq!(lines, expected);
}

#[test]
fn sysinfo_and_meminfo_agree_about_swap() {
    let lines = printed(
        "boot(#{mem: 16*MiB, swap: 8*MiB});
        let sh = spawn(\"sh\");
        sh.touch(sh.mmap(15*MiB), 15*256);
        let info = sh.sysinfo();
        print(info.totalswap / KiB == meminfo().SwapTotal);
        print(info.freeswap / KiB == meminfo().SwapFree);
        print(info.freeswap < info.totalswap);",
    );
    assert_eq!(lines, ["true"; 3]);
}

#[test]
fn each_interval_timer_tells_what_is_left_of_it() {
    let lines = program(
        "let value = [1, 0, 2, 0];
        let left = array(4);
        for which in 0..3 {
            setitimer(which, addr(value), 0);
            print(getitimer(which, addr(left)));
            print(left[0] + \" \" + (left[2] == 2 || left[2] == 1 && left[3] > 900000));
        }
        print(getitimer(3, addr(left)));
        print(getitimer(ITIMER_REAL, 0));",
    );
    let expected = ["0", "1 true", "0", "1 true", "0", "1 true", "-22", "-14"];
    assert_eq!(lines, expected);
}
