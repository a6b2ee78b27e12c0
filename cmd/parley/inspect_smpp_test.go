package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/lib/smpp/sms"
)

func TestInspectSMPP(t *testing.T) {
	const enquire, answer = "00000010 00000015 00000000 00000001", "0000001c80000004000000000a342ee1\n393432353834333135393400"
	var out bytes.Buffer
	require.NoError(t, inspectSMPP(&out, enquire+"\n"+answer, sms.GSM7))
	read := json.NewDecoder(&out)
	var first, second map[string]any
	require.NoError(t, read.Decode(&first))
	require.NoError(t, read.Decode(&second))
	require.Equal(t, "enquire_link", first["command"])
	require.Equal(t, map[string]any{"message_id": "94258431594"}, second["fields"])

	out.Reset()
	err := inspectSMPP(&out, enquire+"00000011800000040000000000000002"+"39", sms.GSM7)
	require.ErrorContains(t, err, "PDU 2, which begins at octet 16: message_id at octet 16: the C-octet string has no end")
	require.Contains(t, out.String(), `"command": "submit_sm_resp"`, "what could be read is shown")

	require.ErrorContains(t, inspectSMPP(&out, "00 zz", sms.GSM7), "character 4 is 'z'")
}
