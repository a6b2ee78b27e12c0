package bounce

import "strings"

// byExactStatus judges by codes that were registered for one purpose and are
// used for nothing else (IANA's SMTP Enhanced Status Codes registry).
func byExactStatus(status, said string) Reason {
	if len(status) < 5 {
		return ""
	}
	switch status[2:] {
	case "7.20", "7.21", "7.22", "7.23", "7.24", "7.26": // RFC 7372: DKIM and SPF
		return AuthFailure
	case "7.25": // RFC 7372: reverse DNS
		return RequirePTR
	case "7.27", "1.10": // RFC 7505: null MX
		if status[2:] == "7.27" || !strings.Contains(said, "recipient") && !strings.Contains(said, "unknown") && !strings.Contains(said, "not found") {
			return NotAccept
		}
	case "6.1": // RFC 3463: media not supported
		if !strings.Contains(said, "spam") {
			return ContentError
		}
	case "1.6": // RFC 3463: has moved
		return HasMoved
	case "2.3": // RFC 3463: longer than the recipient may take
		if !strings.Contains(said, "resolver.") {
			return ExceedLimit
		}
	}
	return ""
}

// byStatus judges by the registered meaning of a status where no words were known.
func byStatus(status string, stage Stage) Reason {
	if len(status) < 5 {
		return ""
	}
	soft := status[0] == '4'
	code := status[2:]
	switch code {
	case "1.0":
		switch stage {
		case StageMail:
			return Rejected
		case StageConnect, StageHello:
			return Blocked
		}
		return UserUnknown
	case "1.1", "1.3", "1.4":
		return UserUnknown
	case "1.10":
		return UserUnknown
	case "1.2":
		return HostUnknown
	case "1.7", "1.8":
		return Rejected
	case "2.0", "2.4":
		return Filtered
	case "2.1":
		if stage == StageRcpt || stage == "" && !soft {
			return Filtered
		}
		return Suspend
	case "2.2":
		return MailboxFull
	case "2.3":
		return ExceedLimit
	case "3.1":
		return SystemFull
	case "3.2":
		return NotAccept
	case "3.4":
		return MesgTooBig
	case "3.0", "3.3", "3.5":
		return SystemError
	case "4.4":
		if soft {
			return NetworkError
		}
		return HostUnknown
	case "4.3", "4.6", "4.5":
		return NetworkError
	case "4.1", "4.2", "4.7":
		return Expired
	case "4.0":
		return NetworkError
	case "5.0", "5.1", "5.2", "5.4", "5.6":
		return SyntaxError
	case "5.3":
		return TooManyConn
	case "6.0", "6.1", "6.2", "6.3", "6.4", "6.5", "6.6", "6.7", "6.8", "6.9", "6.10":
		return ContentError
	case "7.0":
		switch stage {
		case StageConnect, StageHello:
			return Blocked
		case StageMail:
			return Rejected
		}
		return SecurityError
	case "7.1":
		switch stage {
		case StageConnect, StageHello:
			return Blocked
		case StageMail:
			return Rejected
		}
		return SecurityError
	case "7.2", "7.3", "7.4", "7.5", "7.6", "7.7", "7.8", "7.9", "7.11", "7.12", "7.13", "7.14", "7.15":
		return SecurityError
	}
	return ""
}

// byReply judges by the reply code of RFC 5321 and the stage alone.
func byReply(reply string, stage Stage) Reason {
	switch reply {
	case "500", "501", "502", "503", "504":
		return SyntaxError
	case "521", "556":
		return NotAccept
	case "523":
		return ExceedLimit
	case "535", "530", "534", "538":
		return SecurityError
	case "452":
		return SystemFull
	case "552":
		if stage == StageRcpt {
			return MailboxFull
		}
		return MesgTooBig
	}
	if reply != "" && stage == StageConnect {
		return Blocked // for good or not: it does not want to hear from us
	}
	if !strings.HasPrefix(reply, "5") {
		return ""
	}
	switch stage {
	case StageHello:
		return Blocked
	case StageMail:
		return Rejected
	case StageData:
		return Filtered
	}
	return ""
}
