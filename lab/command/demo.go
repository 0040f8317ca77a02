package command

import (
	"github.com/spf13/cobra"

	"holdfast/lab/demo"
)

func demoCommand() *cobra.Command {
	var o demo.Options
	command := &cobra.Command{
		Use:   "demo",
		Short: "show how a cluster keeps a web service alive",
		Long: "Makes a lab of its own with a cluster of three hosts, loads the configuration of a published\n" +
			"cookbook, breaks the cluster in five ways, and prints what it did about each, with the\n" +
			"milliseconds. It ends with exit status 0 if the service came back every time.",
		Example: "  holdfast lab demo\n  holdfast lab demo --shell crm",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return demo.Run(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	command.Flags().StringVar(&o.Shell, "shell", "pcs", "language of the commands: pcs or crm")
	return command
}
