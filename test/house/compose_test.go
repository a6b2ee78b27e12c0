package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// composeFile is what this test reads of docker-compose.yml.
type composeFile struct {
	Services map[string]composeService `yaml:"services"`
	Volumes  map[string]any            `yaml:"volumes"`
	Configs  map[string]struct{ Content string }
}

type composeService struct {
	Image       string                                `yaml:"image"`
	Build       string                                `yaml:"build"`
	Environment map[string]string                     `yaml:"environment"`
	Ports       []string                              `yaml:"ports"`
	Volumes     []string                              `yaml:"volumes"`
	Configs     []struct{ Source, Target string }     `yaml:"configs"`
	Restart     string                                `yaml:"restart"`
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	HealthCheck *struct {
		Test     []string `yaml:"test"`
		Interval string   `yaml:"interval"`
		Timeout  string   `yaml:"timeout"`
	} `yaml:"healthcheck"`
}

// pinned is an image with the whole version in its tag: two numbers at least, no floating name.
var pinned = regexp.MustCompile(`^[a-z0-9./_-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$`)

func TestComposeImagesArePinned(t *testing.T) {
	for name, service := range readCompose(t).Services {
		if service.Build != "" {
			continue // built from the Dockerfile, whose images are checked below
		}
		require.Regexp(t, pinned, service.Image, "service %s", name)
	}
	dockerfile, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	from := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllSubmatch(dockerfile, -1)
	require.Len(t, from, 2)
	for _, image := range from {
		require.Regexp(t, pinned, string(image[1]))
	}
}

func TestComposeServicesHaveHealthChecks(t *testing.T) {
	compose := readCompose(t)
	for name, service := range compose.Services {
		if runsOnce(compose, name) {
			require.True(t, strings.HasPrefix(service.Restart, "on-failure"), "service %s runs once", name)
			continue
		}
		require.NotNil(t, service.HealthCheck, "service %s", name)
		require.Greater(t, len(service.HealthCheck.Test), 1, "service %s", name)
		require.Contains(t, []string{"CMD", "CMD-SHELL"}, service.HealthCheck.Test[0], "service %s", name)
		require.NotEmpty(t, service.HealthCheck.Interval, "service %s", name)
		require.NotEmpty(t, service.HealthCheck.Timeout, "service %s", name)
	}
}

func TestComposeServicesWaitForWhatExists(t *testing.T) {
	compose := readCompose(t)
	for name, service := range compose.Services {
		for other, wait := range service.DependsOn {
			require.Contains(t, compose.Services, other, "service %s", name)
			require.Contains(t, []string{"service_healthy", "service_completed_successfully"}, wait.Condition,
				"service %s waits for %s", name, other)
		}
		for _, mount := range service.Volumes {
			volume, _, _ := strings.Cut(mount, ":")
			require.Contains(t, compose.Volumes, volume, "service %s", name)
		}
	}
	for _, needed := range []string{"postgres", "temporal", "temporal-namespace", "mail"} {
		require.Contains(t, compose.Services["parley"].DependsOn, needed)
	}
}

// port is such as 127.0.0.1:8233:8080.
var port = regexp.MustCompile(`^127\.0\.0\.1:(\d+):(\d+)$`)

func TestComposePublishesOnLoopbackEachPortOnce(t *testing.T) {
	taken := map[string]string{}
	for name, service := range readCompose(t).Services {
		for _, published := range service.Ports {
			parts := port.FindStringSubmatch(published)
			require.NotNil(t, parts, "service %s publishes %s", name, published)
			require.NotContains(t, taken, parts[1], "service %s and %s", name, taken[parts[1]])
			taken[parts[1]] = name
		}
	}
}

func TestComposeParleyListensWhereItIsPublishedAndExposed(t *testing.T) {
	parley := readCompose(t).Services["parley"]
	dockerfile, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	for _, key := range []string{"PARLEY_HTTP", "PARLEY_SMTP"} {
		address, number, found := strings.Cut(parley.Environment[key], ":")
		require.True(t, found, key)
		require.Equal(t, "0.0.0.0", address, "%s: a container listens for others", key)
		require.Contains(t, parley.Ports, "127.0.0.1:"+number+":"+number, key)
		require.Regexp(t, `(?m)^EXPOSE .*\b`+number+`\b`, string(dockerfile), key)
	}
	require.Contains(t, strings.Join(parley.HealthCheck.Test, " "), "/readyz")
}

// The server reads its dynamic configuration from the file that is put there, and what docs/operating.md asks for stands in it.
func TestComposeTunesTemporal(t *testing.T) {
	compose := readCompose(t)
	temporal := compose.Services["temporal"]
	require.Len(t, temporal.Configs, 1)
	require.Equal(t, temporal.Environment["DYNAMIC_CONFIG_FILE_PATH"], temporal.Configs[0].Target)
	var settings map[string][]struct{ Value any }
	require.NoError(t, yaml.Unmarshal([]byte(compose.Configs[temporal.Configs[0].Source].Content), &settings))
	operating, err := os.ReadFile(filepath.Join(root, "docs", "operating.md"))
	require.NoError(t, err)
	for key, value := range map[string]any{"history.workflowTaskRetryMaxInterval": "5s", "system.enableEagerWorkflowStart": true} {
		require.Len(t, settings[key], 1, key)
		require.Equal(t, value, settings[key][0].Value, key)
		require.Contains(t, string(operating), key)
	}
}

func TestComposeSetsOnlyKeysThatParleyKnows(t *testing.T) {
	known := configurationKeys(t)
	for key := range readCompose(t).Services["parley"].Environment {
		require.Contains(t, known, key)
	}
}

// configurationKeys are the env tags of all structs in cmd/parley.
func configurationKeys(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "cmd", "parley", "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var keys []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(parsed, func(node ast.Node) bool {
			if field, ok := node.(*ast.Field); ok && field.Tag != nil {
				tag, err := strconv.Unquote(field.Tag.Value)
				require.NoError(t, err)
				if names, found := reflect.StructTag(tag).Lookup("env"); found {
					keys = append(keys, strings.Split(names, ",")...)
				}
			}
			return true
		})
	}
	return keys
}

// runsOnce says whether others wait for the service to have ended.
func runsOnce(compose composeFile, name string) bool {
	for _, service := range compose.Services {
		if service.DependsOn[name].Condition == "service_completed_successfully" {
			return true
		}
	}
	return false
}

func readCompose(t *testing.T) composeFile {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	require.NoError(t, err)
	var compose composeFile
	require.NoError(t, yaml.Unmarshal(content, &compose))
	for _, name := range []string{"postgres", "temporal", "temporal-ui", "mail", "parley"} {
		require.Contains(t, compose.Services, name)
	}
	return compose
}
