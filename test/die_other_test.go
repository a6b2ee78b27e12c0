//go:build !linux

package test

import "syscall"

// dieWithTest keeps a child from hearing the terminal's Ctrl-C; elsewhere than on Linux it can outlive a test that is killed.
func dieWithTest() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
