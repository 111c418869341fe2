/* sluice-pause: the smallest of processes. It is linked statically and bound into every container,
 * where nothing else of ours is.
 *
 *   sluice-pause                      holds the container's namespaces until it is killed
 *   sluice-pause exec OUT ERR PROGRAM [WORD...]
 *                                     runs PROGRAM with the descriptors OUT and ERR as its standard
 *                                     output and error: what an image's entrypoint, whose own
 *                                     output goes to a log, execs at its end
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void hold(void) {
  sigset_t all;
  sigfillset(&all);
  /* A signal for the step's tasks is none for the container. */
  sigprocmask(SIG_BLOCK, &all, NULL);
  for (;;) pause();
}

static int execute(char** words) {
  const int out = atoi(words[0]);
  const int err = atoi(words[1]);
  if (out < 3 || err < 3 || dup2(out, 1) < 0 || dup2(err, 2) < 0) return 125;
  close(out);
  if (err != out) close(err);
  execvp(words[2], words + 2);
  const int code = errno;
  dprintf(2, "slurmstepd: error: execve(): %s: %s\n", words[2], strerror(code));
  return code;
}

int main(int argc, char** argv) {
  if (argc >= 5 && strcmp(argv[1], "exec") == 0) return execute(argv + 2);
  hold();
  return 0;
}
