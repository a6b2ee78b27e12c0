package metatest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Uploaded is a file that was given to the API, with the other fields of the form.
type Uploaded struct {
	Name, Type, Data string
	Fields           map[string]string
}

// Uploads are the files that it was given, by their ids.
func (g *Graph) Uploads() map[string]Uploaded {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := map[string]Uploaded{}
	for n, u := range g.uploads {
		all[fmt.Sprint("media.", n+1)] = u
	}
	return all
}

// uploading reports whether a call gives a file: WhatsApp's and Messenger's have a path each.
func uploading(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/media") || strings.HasSuffix(r.URL.Path, "/message_attachments")
}

// upload takes a file and gives its id.
func (g *Graph) upload(w http.ResponseWriter, r *http.Request) {
	field, id := "file", "id"
	if strings.HasSuffix(r.URL.Path, "/message_attachments") {
		field, id = "filedata", "attachment_id"
	}
	file, header, err := r.FormFile(field)
	if err != nil {
		refuse(w, http.StatusBadRequest, `{"error":{"message":"(#100) The parameter file is required","code":100}}`)
		return
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		refuse(w, http.StatusBadRequest, `{"error":{"message":"(#100) Invalid file","code":100}}`)
		return
	}
	u := Uploaded{Name: header.Filename, Type: header.Header.Get("Content-Type"), Data: string(data), Fields: map[string]string{}}
	for name, values := range r.MultipartForm.Value {
		u.Fields[name] = values[0]
	}
	g.uploads = append(g.uploads, u)
	_ = json.NewEncoder(w).Encode(map[string]string{id: fmt.Sprint("media.", len(g.uploads))})
}
