package bounce

import (
	"regexp"
	"strings"
)

// provider is one mail service whose refusals carry codes of its own, and what the codes mean by its own documentation.
type provider struct {
	server *regexp.Regexp // its servers' names; empty where the codes are unmistakable
	codes  []words
}

// providers are asked before the general phrases: their texts are often the same for many reasons, only the code tells.
var providers = []provider{
	{ // Orange, Wanadoo, La Poste, SFR: https://postmaster.orange.fr, codes at the end of the line
		codes: []words{
			saying(Blocked, `\b(ofr|lpn|ouk)\w*_(102|103|109|110|401|510|999)\b`),
			saying(TooManyConn, `\b(ofr|lpn|ouk)\w*_104\b`),
			saying(Undefined, `\b(ofr|lpn|ouk)\w*_(105|106|107|108|201|423|424|513)\b`),
			saying(SecurityError, `\b(ofr|lpn|ouk)\w*_(305|402)\b`),
			saying(Rejected, `\b(ofr|lpn|ouk)\w*_(403|405|415|418|421)\b`),
			saying(UserUnknown, `\b(ofr|lpn|ouk)\w*_416\b`),
			saying(MailboxFull, `\b(ofr|lpn|ouk)\w*_(417|422)\b`),
			saying(Suspend, `\b(ofr|lpn|ouk)\w*_(420|426)\b`),
			saying(SystemError, `\b(ofr|lpn|ouk)\w*_(505|507|515)\b`),
			saying(SpamDetected, `\b(ofr|lpn|ouk)\w*_506\b`),
			saying(MesgTooBig, `\b(ofr|lpn|ouk)\w*_(514|517)\b`),
		},
	},
	{ // Yahoo and AOL: https://senders.yahooinc.com/smtp-error-codes
		codes: []words{
			saying(Rejected, `\[tss?0[49]\]`),
			saying(BadReputation, `\[(ts0[1-3]|tss0[5-8]|tss1\d|ipts\d\d)\]`),
			saying(Blocked, `\[(bl2\d|cn0\d|dyn:\w\d|gl01|con:b1)\]`),
			saying(SpamDetected, `\[(hvu:b1|sfu|url)\]`),
			saying(RateLimited, `\[(rl\d\d|rly:cs4|rly:b\d)\]`),
			saying(PolicyViolation, `(554|553) (5\.7\.\d )?(message|mail)? ?not accepted for policy reasons`),
		},
	},
	{ // Cox: https://www.cox.com/residential/support/email-error-codes.html; Spectrum and Charter use the same form
		codes: []words{
			saying(Blocked, `aup#(cdrbl|cxmj|cxdns|1260|1261|1520|1500|blk|spbl|rbl|dnsbl|in-13[01]0|1310|1320|1330|1350|10\d0)`),
			saying(RequirePTR, `aup#(cxsnd|1580|i-1410)`),
			saying(RateLimited, `aup#(cxcnct|cxthrt|cxrl|1250|1480|1490|1500)`),
			saying(BadReputation, `aup#(cxrep|1300|1110|1400)`),
			saying(SpamDetected, `aup#(1600|1650|1700|2\d\d\d|cnt|cld)`),
		},
	},
	{ // GoDaddy: https://www.godaddy.com/help/what-does-my-email-bounceback-mean-3568
		codes: []words{
			saying(Blocked, `\bib(103|104|105|107|108|110|201)\b`),
			saying(RequirePTR, `\bib(101|106|111|112)\b`),
			saying(TooManyConn, `\bib(007|302)\b`),
			saying(RateLimited, `\bib(301|303|304|305|306|705|404)\b`),
			saying(Rejected, `\bib(501|502|503|504|505|506)\b`),
			saying(SpamDetected, `\bib(212|401|402|508|510|511|512|513|514|515|516|603|619|504)\b`),
			saying(UserUnknown, `\bib(509|607)\b`),
		},
	},
	{ // Facebook: https://developers.facebook.com/docs (postmaster response codes)
		codes: []words{
			saying(AuthFailure, `\bpol-p[78]\b`),
			saying(Blocked, `\b(rcp-p[13]|con-t1|pol-p1|msg-p3)\b`),
			saying(UserUnknown, `\brcp-p2\b`),
			saying(MesgTooBig, `\b(msg-p1|int-p2)\b`),
			saying(ContentError, `\bmsg-p2\b`),
			saying(Filtered, `\b(rcp-p4|int-p1|int-p3|int-p4)\b`),
			saying(NotCompliantRFC, `\bdns-p3\b`),
			saying(RequirePTR, `\bdns-p[12]\b`),
			saying(PolicyViolation, `\bpol-p[256]\b`),
			saying(Rejected, `\bpol-p3\b`),
			saying(VirusDetected, `\bpol-p4\b`),
			saying(TooManyConn, `\b(rcp-t[1-9]|con-t[23])\b`),
			saying(RateLimited, `\bint-t\d\b`),
		},
	},
	{ // Microsoft's codes that nobody else uses
		codes: []words{
			saying(RateLimited, `\b5\.7\.70[58]\b`, `\b5\.1\.90\b`),
			saying(UserUnknown, `5\.4\.1 .{0,80}recipient address(es)? rejected ?: access denied`),
			saying(BadReputation, `\b[45]\.7\.65[0-2]\b`),
			saying(AuthFailure, `\b5\.7\.(509|515)\b`),
			saying(Blocked, `\b5\.7\.(51[1-4]|60[4-9]|61\d|62\d|63\d|64[0-9])\b`),
		},
	},
	{ // Microsoft: https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online
		codes: []words{
			saying(AuthFailure, `\b[45]\.7\.(51[15]|509|57|512|515|750)\b`),
			saying(BadReputation, `\b[45]\.7\.6(50|51|52)\b`),
			saying(Blocked, `\b[45]\.7\.(5\d\d|60[3-9]|61\d|62\d|63\d|64[0-5]|703)\b.{0,80}(access denied|banned|block|ip)`, `\b5\.7\.606\b|\bbanned sending ip\b`),
			saying(Blocked, `\(?(s3140|s3150|s775|dy-00[12]|sc-00[1-4]|ou-00[12])\)?\b`),
			saying(RateLimited, `\b[45]\.7\.(705|708|5\.1)\b`, `\b5\.1\.90\b`, `\b4\.7\.500\b`),
			saying(Rejected, `\b5\.1\.(7|8)\b.{0,40}(sender|access denied)`, `\b5\.7\.(501|502|503|124|133|134|135|136|137|139|13)\b`),
			saying(UserUnknown, `\b5\.1\.(351|10)\b`, `\b5\.4\.1\b.{0,60}recipient address rejected: access denied`, `resolver\.adr\.(ex)?recip(ient)?notfound|resolver\.adr\.recipnotfound`),
			saying(MesgTooBig, `resolver\.rst\.(recip|send)sizelimit`),
			saying(MailboxFull, `storedrv\.deliver.{0,60}quota|quotaexceeded`, `mapiexceptionshutoffquotaexceeded`),
			saying(SystemFull, `\b4\.3\.1\b.{0,20}insufficient system resources`),
			saying(Expired, `queue\.expired|\b5\.4\.(300|316)\b|\b4\.4\.(7|316)\b.{0,40}expired`),
			saying(NetworkError, `\b5\.4\.(6|14|12)\b|\b5\.4\.31[0-9]\b.{0,40}dns`),
			saying(NoRelaying, `smtpsend\.suspiciousremoteservererror.{0,40}relay|\b5\.7\.(64|367|368)\b`),
			saying(SecurityError, `\b5\.7\.(3|57|321|322|323|324|325)\b`),
		},
		server: regexp.MustCompile(`outlook|hotmail|microsoft|exchange|resolver\.|storedrv|queue\.expired`),
	},
	{ // Mimecast: https://community.mimecast.com/s/article/email-security-cloud-gateway-mimecast-smtp-error-codes
		server: regexp.MustCompile(`mimecast`),
		codes: []words{
			saying(VirusDetected, `rejected due to security polic|message rejected due to: virus|signature detected`),
			saying(PolicyViolation, `host network not allowed|message bounced due to content|rejected due to: content|administrative prohibition|local ct mandatory`),
			saying(AuthFailure, `(spf|dkim|dmarc) sender invalid`),
			saying(Blocked, `local cm mail|blocked .{0,30}rbl|ip (was|is) found in rbl|locally blacklisted|envelope blocked`),
			saying(SecurityError, `anti-spoofing|requires authentication|submitter failed to authenticate|exceeding outbound thread`),
			saying(Rejected, `sender address blocked|sender failed to be verif`),
			saying(SystemError, `try again later|internal error`),
			saying(UserUnknown, `invalid recipient|recipient not found|known addresses only`),
		},
	},
	{ // Apple: https://support.apple.com/HT204137
		codes: []words{saying(PolicyViolation, `\[cs01\]`), saying(Blocked, `\[hm0[178]\]`), saying(RateLimited, `\[(pr0[1-9]|hm02)\]`), saying(MailboxFull, `\[hm0[34]\].{0,30}quota`)},
	},
	{ // Tencent (QQ): https://service.mail.qq.com
		codes: []words{
			saying(TooManyConn, `ip frequency limited|connection frequency limited`),
			saying(RateLimited, `(mail|domain|sender) frequency limited|content frequency|too many recipients per`),
			saying(AuthFailure, `mail is rejected by (recipients|domain).{0,40}spf|spf check failed|dmarc check failed`),
			saying(SpamDetected, `mail content denied|mail content is spam|suspected spam|mail is rejected by (qq|recipients)`),
			saying(UserUnknown, `mailbox not found|mailbox unavailable or access denied`),
		},
	},
}

var (
	docomo       = regexp.MustCompile(`docomo`) // refuses what a subscriber filters with the words for an unknown one
	googleGroups = regexp.MustCompile(`googlegroups\.com$`)
)

func byProvider(server string, stage Stage, said string) Reason {
	server = strings.ToLower(server)
	for _, p := range providers {
		if p.server != nil && !p.server.MatchString(server) && !p.server.MatchString(said) {
			continue
		}
		if reason := byPhrase(said, p.codes); reason != "" {
			return reason
		}
	}
	if googleGroups.MatchString(server) {
		return Rejected // a group that is closed, or that is not there: the report does not tell which
	}
	if strings.Contains(said, "550 : user unknown") {
		return Filtered // KDDI's answer for whatever its subscriber filters
	}
	if docomo.MatchString(server) && stage == StageData && strings.Contains(said, "unknown user") {
		return Rejected
	}
	return ""
}
