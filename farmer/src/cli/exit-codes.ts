/** The exit codes of `downstream`. A command's help says when it exits with `FINDING`. */
export const EXIT = {
  OK: 0,
  FINDING: 1,
  ERROR: 2,
} as const;

/** The end of the help text. */
export const EXIT_CODES_HELP = `
Exit codes:
  0         success; the farmer was stopped by a signal, or --number challenges passed
  1         a command found a problem, as its help says; the farmer stopped after an
            unexpected error, or did not stop cleanly
  2         wrong usage, an invalid setting, or an error
  130, 143  a command was interrupted: SIGINT (Ctrl-C), SIGTERM
  137       killed, such as by a second signal`;
