package stack

import (
	"encoding/binary"
	"errors"
	"net"
	"strconv"
)

const loopback = "127.0.0.1"

// Ports come from below every system's range for outgoing connections: a port from inside it can be taken as the source
// of somebody's connection while a killed server is being started again.
const (
	firstPort = 20000
	lastPort  = 30000
)

// pickPort returns the preferred port if it is free, else a free one at a place that depends on the home and the use,
// so that two homes seldom meet.
func pickPort(preferred int, home, use string) (int, error) {
	if preferred > 0 && isFree(preferred) {
		return preferred, nil
	}
	hash := homeHash(home + "\x00" + use)
	start := int(binary.BigEndian.Uint32(hash[:4]) % (lastPort - firstPort))
	for i := range lastPort - firstPort {
		if port := firstPort + (start+i)%(lastPort-firstPort); isFree(port) {
			return port, nil
		}
	}
	return 0, errors.New("no free port between 20000 and 30000 on 127.0.0.1")
}

func isFree(port int) bool {
	listener, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// portOf is the port of host:port, 0 if there is none.
func portOf(hostPort string) int {
	_, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return 0
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	return number
}
