package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

// asset is one file as it is served: plain, and compressed once at the start.
type asset struct {
	plain, packed []byte
	tag           string // ETag
}

// assets are files by their path below a folder.
type assets map[string]asset

// types of what there is. The machine's own table is not asked: browsers refuse a module of a wrong type.
var types = map[string]string{
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
}

// load reads an embedded folder. That it cannot be read would be a broken binary, so it panics.
func load(folder string) assets {
	all := assets{}
	err := fs.WalkDir(files, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		all[strings.TrimPrefix(name, folder+"/")], err = pack(withoutComments(path.Ext(name), content))
		return err
	})
	if err != nil {
		panic(err)
	}
	return all
}

// Comments of our own files: lines that are nothing else, and blocks. None of them stands within a text.
var (
	lineComments  = regexp.MustCompile(`(?m)^[ \t]*//.*\n`)
	blockComments = regexp.MustCompile(`(?ms)^[ \t]*/\*.*?\*/[ \t]*\n`)
)

// withoutComments leaves out what only our own readers need; customers' pages would load it each time.
func withoutComments(ext string, content []byte) []byte {
	switch ext {
	case ".js":
		return lineComments.ReplaceAll(blockComments.ReplaceAll(content, nil), nil)
	case ".css":
		return blockComments.ReplaceAll(content, nil)
	}
	return content
}

func pack(content []byte) (asset, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return asset{}, err
	}
	if _, err := w.Write(content); err != nil {
		return asset{}, err
	}
	if err := w.Close(); err != nil {
		return asset{}, err
	}
	sum := sha256.Sum256(content)
	return asset{plain: content, packed: packed.Bytes(), tag: `"` + hex.EncodeToString(sum[:8]) + `"`}, nil
}

// serve gives a file: for good where its address names its version, else with a tag by which the browser asks whether it is still the same.
func (a assets) serve(w http.ResponseWriter, r *http.Request, name string, forGood bool) {
	file, found := a[name]
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", types[path.Ext(name)])
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Vary", "Accept-Encoding")
	w.Header().Set("ETag", file.tag)
	if forGood {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "no-cache")
	}
	content := file.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		content = file.packed
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
