package smpp

import "fmt"

// Status is a command_status (section 5.1.3).
type Status uint32

// Statuses that code of ours speaks of; statusNames has them all.
const (
	StatusOK              Status = 0x00
	StatusInvalidLength   Status = 0x01 // message length
	StatusInvalidCommand  Status = 0x02 // command length
	StatusUnknownCommand  Status = 0x03
	StatusBindState       Status = 0x04
	StatusAlreadyBound    Status = 0x05
	StatusSystemError     Status = 0x08
	StatusInvalidSource   Status = 0x0a
	StatusInvalidDest     Status = 0x0b
	StatusInvalidID       Status = 0x0c
	StatusBindFailed      Status = 0x0d
	StatusInvalidPassword Status = 0x0e
	StatusInvalidSystemID Status = 0x0f
	StatusQueueFull       Status = 0x14
	StatusInvalidService  Status = 0x15
	StatusInvalidESMClass Status = 0x43
	StatusSubmitFailed    Status = 0x45
	StatusThrottled       Status = 0x58
	StatusInvalidSchedule Status = 0x61
	StatusInvalidExpiry   Status = 0x62
	StatusAppTemporary    Status = 0x64 // ESME_RX_T_APPN: try again later
	StatusAppPermanent    Status = 0x65
	StatusAppReject       Status = 0x66
	StatusInvalidTLV      Status = 0xc0 // optional part of the PDU
	StatusInvalidTLVLen   Status = 0xc2
	StatusMissingTLV      Status = 0xc3
	StatusUnknownError    Status = 0xff
)

// String is the status's name as the specification writes it.
func (s Status) String() string {
	if name, ok := statusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("0x%08x", uint32(s))
}

// Temporary reports whether the same request may be taken later: the carrier is busy or out of order.
func (s Status) Temporary() bool {
	switch s {
	case StatusSystemError, StatusQueueFull, StatusThrottled, StatusAppTemporary, StatusBindState, 0x13: // 0x13: replace failed
		return true
	}
	return false
}

// BadAddress reports whether the destination itself was refused.
func (s Status) BadAddress() bool { return s == StatusInvalidDest || s == 0x50 || s == 0x51 }

var statusNames = map[Status]string{
	0x00: "ESME_ROK", 0x01: "ESME_RINVMSGLEN", 0x02: "ESME_RINVCMDLEN", 0x03: "ESME_RINVCMDID", 0x04: "ESME_RINVBNDSTS", 0x05: "ESME_RALYBND",
	0x06: "ESME_RINVPRTFLG", 0x07: "ESME_RINVREGDLVFLG", 0x08: "ESME_RSYSERR", 0x0a: "ESME_RINVSRCADR", 0x0b: "ESME_RINVDSTADR", 0x0c: "ESME_RINVMSGID",
	0x0d: "ESME_RBINDFAIL", 0x0e: "ESME_RINVPASWD", 0x0f: "ESME_RINVSYSID", 0x11: "ESME_RCANCELFAIL", 0x13: "ESME_RREPLACEFAIL", 0x14: "ESME_RMSGQFUL",
	0x15: "ESME_RINVSERTYP", 0x33: "ESME_RINVNUMDESTS", 0x34: "ESME_RINVDLNAME", 0x40: "ESME_RINVDESTFLAG", 0x42: "ESME_RINVSUBREP", 0x43: "ESME_RINVESMCLASS",
	0x44: "ESME_RCNTSUBDL", 0x45: "ESME_RSUBMITFAIL", 0x48: "ESME_RINVSRCTON", 0x49: "ESME_RINVSRCNPI", 0x50: "ESME_RINVDSTTON", 0x51: "ESME_RINVDSTNPI",
	0x53: "ESME_RINVSYSTYP", 0x54: "ESME_RINVREPFLAG", 0x55: "ESME_RINVNUMMSGS", 0x58: "ESME_RTHROTTLED", 0x61: "ESME_RINVSCHED", 0x62: "ESME_RINVEXPIRY",
	0x63: "ESME_RINVDFTMSGID", 0x64: "ESME_RX_T_APPN", 0x65: "ESME_RX_P_APPN", 0x66: "ESME_RX_R_APPN", 0x67: "ESME_RQUERYFAIL", 0xc0: "ESME_RINVOPTPARSTREAM",
	0xc1: "ESME_ROPTPARNOTALLWD", 0xc2: "ESME_RINVPARLEN", 0xc3: "ESME_RMISSINGOPTPARAM", 0xc4: "ESME_RINVOPTPARAMVAL", 0xfe: "ESME_RDELIVERYFAILURE",
	0xff: "ESME_RUNKNOWNERR",
}
