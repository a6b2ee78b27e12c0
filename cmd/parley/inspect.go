package main

// inspectCommand shows what is inside of something that came over a wire, without a server.
type inspectCommand struct {
	Mail inspectMailCommand `cmd:"" help:"Print what Parley makes of mails, one JSON object a file."`
	MMS  inspectMMSCommand  `cmd:"" name:"mms" help:"Print MM7 posts, faults and presentations as JSON."`
	SMPP inspectSMPPCommand `cmd:"" name:"smpp" help:"Print PDUs of SMPP 3.4 as JSON."`
}
