package codes

import (
	"strings"
	"testing"
)

func TestCRMError(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]string{
		"--exit 105":                  "No such object\n",
		"-n -X 1":                     "CRM_EX_ERROR - Error occurred\n",
		"-X 137":                      "Interrupted by signal\n",
		"-n 2":                        "ENOENT - No such file or directory\n",
		"-n -r -- -1005":              "pcmk_rc_node_unknown - Node not found\n",
		"9999":                        "Unknown error 9999\n",
		"12a":                         "Cannot allocate memory\n",
		"many":                        "Error\n",
		"-n many":                     "Unknown - Error\n",
		"-X -n many":                  "CRM_EX_UNKNOWN - Unknown exit status\n",
		"--output-as=xml --exit -- 0": "<pacemaker-result api-version=\"2.25\" request=\"crm_error --output-as=xml --exit -- 0\">\n  <result-code code=\"0\" description=\"OK\"/>\n  <status code=\"0\" message=\"OK\"/>\n</pacemaker-result>\n",
	} {
		var stdout, stderr strings.Builder
		if status := CRMError(strings.Fields(call), nil, &stdout, &stderr); status != 0 || stdout.String() != want {
			t.Errorf("crm_error %s: status %d, %q, %q", call, status, stdout.String(), stderr.String())
		}
	}
}
