package stack

import "syscall"

// dieWithParent has the system kill the child when we end, however we end.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
