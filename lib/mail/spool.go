package mail

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// inMemory is how much of a mail is kept in memory; the rest goes to a file.
const inMemory = 256 << 10

// Spool is a mail that was received: its beginning in memory, the rest in a
// file without a name, which is gone with the process whatever happens.
type Spool struct {
	memory bytes.Buffer
	file   *os.File // nil for a small mail
	size   int64
	hash   *CRLFHash
}

// Receive reads a mail to its end; what does not fit into 256 KiB of memory goes to a file in dir (empty: the system's folder for such). The answer is never
// nil and must be discarded in the end, after an error too.
func Receive(r io.Reader, dir string) (*Spool, error) {
	s := &Spool{hash: NewCRLFHash()}
	r = io.TeeReader(r, s.hash)
	n, err := io.Copy(&s.memory, io.LimitReader(r, inMemory))
	s.size = n
	if err != nil || n < inMemory {
		return s, err
	}
	n, err = io.Copy(&overflow{s, dir}, r)
	s.size += n
	if err != nil {
		return s, err
	}
	return s, s.rewind()
}

// overflow writes what does not fit into memory.
type overflow struct {
	*Spool
	dir string
}

// Write makes the file with the first piece. It loses its name at once.
func (o *overflow) Write(piece []byte) (int, error) {
	if o.file == nil {
		f, err := os.CreateTemp(o.dir, "parley-mail-*") // mode 0600
		if err != nil {
			return 0, fmt.Errorf("spool: %w", err)
		}
		o.file = f
		if err := os.Remove(f.Name()); err != nil {
			return 0, fmt.Errorf("spool: %w", err)
		}
	}
	n, err := o.file.Write(piece)
	if err != nil {
		return n, fmt.Errorf("spool: %w", err)
	}
	return n, nil
}

func (s *Spool) rewind() error {
	if s.file == nil {
		return nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// Size is how many bytes it has.
func (s *Spool) Size() int64 { return s.size }

// Head is the beginning of the mail.
func (s *Spool) Head() []byte { return s.memory.Bytes() }

// Identity names the mail by its content, see CRLFHash.
func (s *Spool) Identity() [32]byte { return s.hash.Sum() }

// Reader gives the whole mail, once.
func (s *Spool) Reader() io.Reader {
	if s.file == nil {
		return bytes.NewReader(s.memory.Bytes())
	}
	return io.MultiReader(bytes.NewReader(s.memory.Bytes()), s.file)
}

// Discard forgets it.
func (s *Spool) Discard() {
	if s.file != nil {
		s.file.Close()
	}
}
