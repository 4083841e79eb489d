//! Group ids, the ids for file systems, masks and descriptors that a program sets and asks for.

use crate::programs::printed;

fn program(uid: u32, body: &str) -> Vec<String> {
    let script = format!("fn main() {{ {body} 0 }} spawn(\"p\", main, #{{uid: {uid}}}); run();");
    printed(&script)
}

/// Real, effective and saved id after each call.
#[test]
fn group_ids_change_by_the_rules_of_user_ids() {
    let show = "let ids = [0, 0, 0];
        getresgid(addr(ids), addr(ids) + 4, addr(ids) + 8);
        print(ids[0] + \" \" + ids[1] + \" \" + ids[2]);";
    for (uid, call, value, ids) in [
        (0, "setgid(7)", "0", "7 7 7"),
        (500, "setgid(7)", "-1", "500 500 500"),
        (500, "setgid(500)", "0", "500 500 500"),
        (0, "setregid(7, -1)", "0", "7 0 0"),
        (0, "setregid(-1, 7)", "0", "0 7 7"),
        (500, "setregid(-1, 7)", "-1", "500 500 500"),
        (0, "setresgid(1, 2, 3)", "0", "1 2 3"),
        (0, "setresgid(-1, 2, -1)", "0", "0 2 0"),
        (500, "setresgid(500, 500, 3)", "-1", "500 500 500"),
    ] {
        let lines = program(uid, &format!("print({call}); {show}"));
        assert_eq!(lines, [value, ids], "{call} of {uid}");
    }
}

#[test]
fn the_ids_for_file_systems_return_the_old_one_whether_or_not_they_change() {
    for (uid, calls, values) in [
        (0, "setfsuid(7)", ["0", "7"]),
        (500, "setfsuid(7)", ["500", "500"]),
        (0, "setfsgid(7)", ["0", "7"]),
        (500, "setfsgid(7)", ["500", "500"]),
    ] {
        let lines = program(uid, &format!("print({calls}); print({calls});"));
        assert_eq!(lines, values, "{calls} of {uid}");
    }
    // The effective id takes the other along.
    let lines = program(0, "setreuid(-1, 7); print(setfsuid(7));");
    assert_eq!(lines, ["7"]);
}

#[test]
fn supplementary_groups_are_sorted_and_inherited_and_only_root_sets_them() {
    let lines = program(
        0,
        "let list = [30, 10, 20];
        print(getgroups(0, 0));
        print(setgroups(3, addr(list)));
        if fork() == 0 {
            print(getgroups(3, addr(list)) + \" \" + list[0] + \" \" + list[2]);
            print(getgroups(2, addr(list)));
            print(getgroups(-1, addr(list)));
            print(syscall(80, 3, addr(list)) + \" \" + (list[0] == 10 + 20 * 65536));
            exit(0);
        }
        wait();
        print(setgroups(65537, addr(list)));
        print(setgroups(1, 0));
        setuid(500);
        print(setgroups(1, addr(list)));",
    );
    let expected = [
        "0", "0", "3 10 30", "-22", "-22", "3 true", "-22", "-14", "-1",
    ];
    assert_eq!(lines, expected);
}

/// An id that does not fit into 16 bits shows as 65534 in the calls of old.
#[test]
fn the_calls_of_old_show_ids_that_do_not_fit_as_one_number() {
    let lines = program(
        0,
        "setresgid(70000, 70000, 70000);
        setresuid(70000, 70000, 70000);
        print(getuid() + \" \" + syscall(24) + \" \" + syscall(47));
        let ids = array(2);
        syscall(165, addr(ids), addr(ids) + 2, addr(ids) + 4);
        print((ids[0] & 0xffff) + \" \" + (ids[1] & 0xffff));",
    );
    assert_eq!(lines, ["70000 65534 65534", "65534 65534"]);
}

#[test]
fn the_old_mask_is_one_word_and_unblocks_the_others() {
    let lines = program(
        0,
        "let set = [0, 1];
        rt_sigprocmask(SIG_BLOCK, addr(set), 0, 8);
        print(ssetmask(-1));
        print(sgetmask() == -1 - 256 - 262144);
        rt_sigprocmask(SIG_BLOCK, 0, addr(set), 8);
        print(set[1]);",
    );
    assert_eq!(lines, ["0", "true", "0"]);
}

#[test]
fn a_descriptor_is_read_as_it_was_set() {
    let lines = program(
        0,
        "let desc = [-1, 0x12345678, 0xfffff, 0x51];
        set_thread_area(addr(desc));
        let back = [desc[0], 0, 0, 0];
        print(get_thread_area(addr(back)));
        print(back[0] + \" \" + (back[1] == 0x12345678) + \" \" + back[2] + \" \" + back[3]);
        back[0] = 5;
        print(get_thread_area(addr(back)));
        print(get_thread_area(0));",
    );
    assert_eq!(lines, ["0", "6 true 1048575 81", "-22", "-14"]);
}

/// Six words in memory, and an offset in bytes.
#[test]
fn the_mmap_of_old_takes_its_arguments_from_memory() {
    let lines = program(
        0,
        "let args = [0, 4096, 3, 0x22, -1, 0];
        let page = old_mmap(addr(args));
        store(page, 5);
        print(load(page));
        args[5] = 1;
        print(old_mmap(addr(args)));
        print(old_mmap(0));",
    );
    assert_eq!(lines, ["5", "-22", "-14"]);
}
