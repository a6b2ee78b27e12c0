package smpp

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/lib/smpp/sms"
)

// malformed are the well-framed PDUs of the corpus that are wrong inside, where tshark shows what it can and says nothing.
var malformed = map[string]error{
	"decodeUnsupportedRequestCommandId":                                      ErrUnknownCommand,
	"decodeUnsupportedResponseCommandId":                                     ErrUnknownCommand,
	"decodeSubmitSmRespWithNoNullByteForMessageId":                           ErrNoEnd,
	"decodeDeliverSMWithCorrectTotalByteLengthButInvalidShortMessageLength":  ErrLength,
	"decodeDeliverSmNetforsDeliveryReceiptTriggeredErrorInLegacySmppLibrary": ErrTLV,
}

func corpus(t *testing.T, name string) []byte {
	t.Helper()
	folder := os.Getenv("PARLEY_CORPORA")
	if folder == "" {
		t.Skip("SKIPPED: the PDUs of smpp-pdus are not read; set PARLEY_CORPORA to the folder of collections")
	}
	data, err := os.ReadFile(filepath.Join(folder, "smpp-pdus", name))
	require.NoError(t, err)
	return data
}

// TestCorpusIsReadAsTsharkReadsIt compares every field that tshark prints.
func TestCorpusIsReadAsTsharkReadsIt(t *testing.T) {
	var samples []struct {
		Name, Hex string
		Tshark    map[string]any
	}
	require.NoError(t, json.Unmarshal(corpus(t, "tshark-4.0.17.json"), &samples))
	require.NotEmpty(t, samples)
	fields := 0
	for _, s := range samples {
		raw, err := hex.DecodeString(s.Hex)
		require.NoError(t, err)
		p, err := Decode(raw)
		if want := malformed[s.Name]; want != nil {
			require.ErrorIs(t, err, want, s.Name)
		} else {
			require.NoError(t, err, s.Name)
			again, err := p.Encode()
			require.NoError(t, err, s.Name)
			require.Equal(t, raw, again, s.Name)
		}
		if s.Tshark == nil {
			continue
		}
		fields += likeTshark(t, s.Name, raw, p, s.Tshark)
	}
	t.Logf("%d PDUs, %d fields alike", len(samples), fields)
}

func likeTshark(t *testing.T, name string, raw []byte, p *PDU, want map[string]any) int {
	t.Helper()
	got := map[string]string{}
	view, _ := Look(raw, sms.GSM7)
	for _, f := range view.Fields {
		got[f.Name] = fmt.Sprint(f.Value)
	}
	content := p.Content(sms.GSM7)
	n := 0
	for key, value := range want {
		key = strings.TrimPrefix(key, "smpp.")
		if key == "opt_params" {
			n += tlvLikeTshark(t, name, p, value.(map[string]any)["smpp.opt_param"].(map[string]any))
			continue
		}
		text := value.(string)
		n++
		switch {
		case key == "command_length":
			require.Equal(t, text, strconv.Itoa(len(raw)), name)
		case key == "command_id":
			require.Equal(t, number(t, text), int64(p.Command), name)
		case key == "command_status":
			require.Equal(t, number(t, text), int64(p.Status), name)
		case key == "sequence_number":
			require.Equal(t, number(t, text), int64(p.Sequence), name)
		case key == "service_type" && text == "(Default)":
			require.Empty(t, got[key], name)
		case strings.HasPrefix(key, "esm.submit."):
			shift := map[string]uint{"msg_mode": 0, "msg_type": 2, "features": 6}[strings.TrimPrefix(key, "esm.submit.")]
			mask := map[string]int64{"msg_mode": 3, "msg_type": 15, "features": 3}[strings.TrimPrefix(key, "esm.submit.")]
			require.Equal(t, number(t, text), number(t, got["esm_class"])>>shift&mask, name+" "+key)
		case strings.HasPrefix(key, "regdel."):
			shift := map[string]uint{"receipt": 0, "acks": 2, "notif": 4}[strings.TrimPrefix(key, "regdel.")]
			mask := map[string]int64{"receipt": 3, "acks": 3, "notif": 1}[strings.TrimPrefix(key, "regdel.")]
			require.Equal(t, number(t, text), number(t, got["registered_delivery"])>>shift&mask, name+" "+key)
		case key == "schedule_delivery_time_r" || key == "validity_period_r":
			if text == "0.000000000" { // tshark's word for "not given"
				require.Empty(t, got[strings.TrimSuffix(key, "_r")], name+" "+key)
			} else {
				require.True(t, strings.HasSuffix(got[strings.TrimSuffix(key, "_r")], "R"), name+" "+key)
			}
		case key == "schedule_delivery_time":
			require.Equal(t, "150203040506708+", got[key], name) // 04:05:06.7, eight quarters of an hour before UTC: tshark shows 02:05:06.7 UTC
			require.Contains(t, text, "02:05:06.7", name)
		case key == "message":
			require.Equal(t, strings.ReplaceAll(text, ":", ""), got["short_message"], name)
		case key == "message_text":
			require.Equal(t, text, content.Text, name)
		case strings.HasPrefix(text, "0x"):
			require.Equal(t, number(t, text), number(t, got[key]), name+" "+key)
		default:
			require.Equal(t, text, got[key], name+" "+key)
		}
	}
	return n
}

// tlvLikeTshark compares the last parameter: of several the JSON of tshark keeps that one.
func tlvLikeTshark(t *testing.T, name string, p *PDU, want map[string]any) int {
	t.Helper()
	if malformed[name] != nil { // it goes beyond the end: tshark shows its head, we refuse it
		return 0
	}
	last := p.TLVs[len(p.TLVs)-1]
	for key, value := range want {
		text := value.(string)
		switch key = strings.TrimPrefix(key, "smpp."); key {
		case "opt_param_tag":
			require.Equal(t, number(t, text), int64(last.Tag), name)
		case "opt_param_len":
			require.Equal(t, text, strconv.Itoa(len(last.Value)), name)
		case "message_payload":
			require.Equal(t, strings.ReplaceAll(text, ":", ""), last.Shown(), name)
		default:
			require.Equal(t, strings.ToLower(key), last.Tag.String(), name)
			shown := fmt.Sprint(last.Shown())
			if strings.HasPrefix(text, "0x") {
				require.Equal(t, number(t, text), number(t, shown), name+" "+key)
			} else {
				require.Equal(t, text, shown, name+" "+key)
			}
		}
	}
	return len(want)
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 0, 64)
	require.NoError(t, err)
	return n
}

// TestTruncatedPDUsOfTheCorpusNameTheirFault reads what is not well framed.
func TestTruncatedPDUsOfTheCorpusNameTheirFault(t *testing.T) {
	for _, line := range strings.Split(strings.TrimSpace(string(corpus(t, "pdus.tsv"))), "\n") {
		column := strings.Split(line, "\t")
		if len(column) < 5 || column[0] == "kind" || column[3] == "yes" {
			continue
		}
		raw, err := hex.DecodeString(column[4])
		require.NoError(t, err)
		_, err = Decode(raw)
		require.ErrorIs(t, err, ErrCommandLength, column[1])
	}
}
