package stack

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// sharedHomes is where clusters of root's Parleys live whose PARLEY_HOME PostgreSQL's user cannot enter.
const sharedHomes = "/var/lib/parley"

// cluster is a data directory, the programs that fit it and the user that they run as.
type cluster struct {
	data    string
	bin     string
	owner   *syscall.Credential // nil: whoever we are
	preload string              // shared_preload_libraries
}

// openCluster returns the home's cluster and makes it the first time. As root it belongs to an unprivileged user,
// since PostgreSQL refuses to run as root.
func openCluster(ctx context.Context, opts Options, password string) (cluster, error) {
	owner, err := clusterOwner()
	if err != nil {
		return cluster{}, err
	}
	root, err := clusterRoot(opts, owner)
	if err != nil {
		return cluster{}, err
	}
	c := cluster{data: filepath.Join(root, "data"), owner: owner}
	version, err := os.ReadFile(filepath.Join(c.data, "PG_VERSION"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("look at the PostgreSQL cluster: %w", err)
	}
	if c.bin, err = findPrograms(ctx, opts, strings.TrimSpace(string(version))); err != nil {
		return c, err
	}
	c.preload = preloadLibraries(c.bin)
	if len(version) > 0 {
		return c, nil
	}
	opts.say("making a PostgreSQL cluster in %s", c.data)
	return c, c.create(ctx, root, password)
}

// clusterOwner is the unprivileged user to run as when we are root: postgres where there is one, else nobody.
func clusterOwner() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if owner, err := lookUp(name); err == nil {
			return owner, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root and there is no user postgres or nobody: run as another user")
}

// clusterRoot is the directory of the cluster, inside the home unless its owner cannot enter that.
func clusterRoot(opts Options, owner *syscall.Credential) (string, error) {
	root := filepath.Join(opts.Home, "postgres")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", fmt.Errorf("make a directory for PostgreSQL: %w", err)
	}
	if owner == nil {
		return root, nil
	}
	if err := give(root, owner); err != nil {
		return "", err
	}
	if canEnter(root, owner) {
		return root, nil
	}
	hash := homeHash(opts.Home)
	outside := filepath.Join(sharedHomes, hex.EncodeToString(hash[:8]))
	if err := os.MkdirAll(sharedHomes, 0o711); err != nil {
		return "", fmt.Errorf("make a directory for PostgreSQL: %w", err)
	}
	if err := os.MkdirAll(outside, 0o700); err != nil {
		return "", fmt.Errorf("make a directory for PostgreSQL: %w", err)
	}
	opts.say("PostgreSQL's user cannot enter %s: its cluster is in %s", opts.Home, outside)
	return outside, give(outside, owner)
}

func give(path string, owner *syscall.Credential) error {
	if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
		return fmt.Errorf("give %s to PostgreSQL's user: %w", path, err)
	}
	return nil
}

func canEnter(directory string, owner *syscall.Credential) bool {
	cmd := exec.Command("/bin/sh", "-c", `cd -- "$1"`, "sh", directory)
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: owner}
	return cmd.Run() == nil
}

// create runs initdb beside the final place and renames, so that a cut-off one is never taken for a cluster.
func (c cluster) create(ctx context.Context, root, password string) error {
	unfinished := filepath.Join(root, "data.new")
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	passwordFile := filepath.Join(root, "password.new")
	if err := writeFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	defer func() { _ = os.Remove(passwordFile) }()
	if c.owner != nil {
		if err := give(passwordFile, c.owner); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "initdb"), "-D", unfinished, "-U", userName,
		"--auth=scram-sha-256", "--pwfile="+passwordFile, "--encoding=UTF8", "--lc-collate=C", "--lc-ctype="+utf8Locale(),
		"--lc-messages=C", "--lc-monetary=C", "--lc-numeric=C", "--lc-time=C")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = root, c.env(), c.as()
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w:\n%s", err, bytes.TrimSpace(output))
	}
	conf, err := os.OpenFile(filepath.Join(unfinished, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = conf.WriteString("\ninclude_if_exists = 'parley.conf'\n")
	if err := errors.Join(err, conf.Close()); err != nil {
		return err
	}
	return os.Rename(unfinished, c.data)
}

// writeSettings writes what the next start of the cluster runs with.
func (c cluster) writeSettings(port int) error {
	path := filepath.Join(c.data, "parley.conf")
	if err := writeFile(path, []byte(settings(port, c.preload)), 0o600); err != nil {
		return fmt.Errorf("write PostgreSQL's settings: %w", err)
	}
	if c.owner == nil {
		return nil
	}
	return give(path, c.owner)
}

// hasSettings says whether the cluster was last started with what we would start it with.
func (c cluster) hasSettings(port int) (bool, error) {
	content, err := os.ReadFile(filepath.Join(c.data, "parley.conf"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return string(content) == settings(port, c.preload), err
}

func (c cluster) as() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: c.owner}
}

// env is our environment without what would point PostgreSQL's programs elsewhere.
func (c cluster) env() []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "PG") && !strings.HasPrefix(pair, "LC_") && !strings.HasPrefix(pair, "PARLEY_") {
			env = append(env, pair)
		}
	}
	return append(env, "LC_ALL=C")
}

// utf8Locale is a locale whose letters are Unicode's; texts sort by bytes in any case.
func utf8Locale() string {
	if runtime.GOOS == "linux" {
		return "C.UTF-8"
	}
	return "en_US.UTF-8"
}

func randomText() string {
	random := make([]byte, 24)
	_, _ = rand.Read(random) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(random)
}
