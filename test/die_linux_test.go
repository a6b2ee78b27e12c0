package test

import "syscall"

// dieWithTest makes a child end when the test's process is killed: no test run leaves servers behind.
func dieWithTest() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
