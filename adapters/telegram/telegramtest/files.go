package telegramtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Uploaded is a file that a call brought.
type Uploaded struct{ Name, Type, Data string }

// read gives the parameters of a call, which come as JSON or, where there are files, as a form. A form's values are texts, as they are on the wire, and its files Uploaded.
func read(r *http.Request) (params map[string]any, err error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return params, json.NewDecoder(r.Body).Decode(&params)
	}
	if err := r.ParseMultipartForm(64 << 20); err != nil {
		return nil, err
	}
	params = map[string]any{}
	for name, values := range r.MultipartForm.Value {
		params[name] = values[0]
	}
	for name, files := range r.MultipartForm.File {
		f, err := files[0].Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(f)
		_ = f.Close()
		if err != nil {
			return nil, err
		}
		params[name] = Uploaded{files[0].Filename, files[0].Header.Get("Content-Type"), string(data)}
	}
	return params, nil
}

// sendFiles takes a photo, a document or an album of either, with the checks that the API makes.
func (s *Server) sendFiles(method string, params map[string]any) (result any, code int, text string) {
	wrong := func(text string) (any, int, string) { return nil, http.StatusBadRequest, "Bad Request: " + text }
	if caption, _ := params["caption"].(string); len([]rune(caption)) > 1024 {
		return wrong("message caption is too long")
	}
	made := 1
	if method == "sendMediaGroup" {
		var album []struct{ Type, Media, Caption string }
		list, _ := params["media"].(string)
		if json.Unmarshal([]byte(list), &album) != nil || len(album) < 2 || len(album) > 10 {
			return wrong("wrong number of media in the album")
		}
		for _, m := range album {
			if _, there := params[strings.TrimPrefix(m.Media, "attach://")].(Uploaded); !there || m.Type != album[0].Type {
				return wrong("can't parse media")
			}
		}
		made = len(album)
	} else if _, there := params[strings.ToLower(strings.TrimPrefix(method, "send"))].(Uploaded); !there {
		return wrong("there is no " + strings.ToLower(strings.TrimPrefix(method, "send")) + " in the request")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	params["method"] = method
	var list []any
	for range made {
		s.sent = append(s.sent, params)
		list = append(list, map[string]any{"message_id": 5000 + len(s.sent), "date": 1_770_000_000, "chat": map[string]any{"id": json.Number(fmt.Sprint(params["chat_id"])), "type": "private"}})
	}
	if method != "sendMediaGroup" {
		return list[0], 0, ""
	}
	return list, 0, ""
}
