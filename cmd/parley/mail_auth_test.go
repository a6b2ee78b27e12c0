package main

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/mailauth"
)

func TestChecksAreOffUnlessWanted(t *testing.T) {
	require.Empty(t, checks(config{MailAuth: "off"}))
	require.Contains(t, checks(config{MailAuth: "on", MailDNS: "127.0.0.1:53"}), interaction.Email)
}

func TestPeerIP(t *testing.T) {
	for peer, want := range map[string]net.IP{"192.0.2.1:25": net.IPv4(192, 0, 2, 1), "[2001:db8::1]:25": net.ParseIP("2001:db8::1"), "192.0.2.1": net.IPv4(192, 0, 2, 1), "": nil, "imap.example:993": nil} {
		require.True(t, want.Equal(peerIP(peer)), peer)
	}
}

func TestAuthResults(t *testing.T) {
	require.Equal(t, map[string]string{"spf": "pass", "dkim": "pass", "dmarc": "fail", "arc": "none", "policy": "reject", "signers": "a.example b.example"},
		authResults(mailauth.Results{SPF: mailauth.Pass, DKIM: mailauth.Pass, DMARC: mailauth.Fail, ARC: mailauth.None, Policy: "reject", Signers: []string{"a.example", "b.example"}}))
}
