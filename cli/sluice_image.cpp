// sluice-image: container images of one user on one host: pulled, unpacked, listed, removed, sent
// to another host. Runs as that user alone. `sluice image …` is this program; jobs' steps start it
// too (prepare, send).
#include <sys/stat.h>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/common/client.hpp"
#include "cli/sluice_image/commands.hpp"

using namespace sluice;

namespace {

using cli::ImageOptions;
using Command = std::function<Result<int>(const ImageOptions&)>;

struct Program {
  CLI::App app{"Container images of a user on this host", "sluice-image"};
  ImageOptions options;
  Command chosen;

  CLI::App* add(const char* name, const char* what, const Command& command) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->callback([this, command]() { chosen = command; });
    sub->add_option("--home", options.home, "the folder with the images (default: the node's)");
    return sub;
  }
};

void add_loading(CLI::App* sub, ImageOptions& options) {
  sub->add_option("--insecure-registry,--insecure", options.insecure,
                  "registries (host[:port]) that are spoken to without TLS")
      ->delimiter(',')
      ->expected(1)
      ->take_all();
  sub->add_option("--timeout", options.timeout_s, "seconds until it is given up (0: never)");
  sub->add_option("--max-bytes", options.max_bytes, "largest size, unpacked (0: any)");
  sub->add_option("--max-entries", options.max_entries, "most files, unpacked");
  sub->add_option("--progress-fd", options.progress_fd, "descriptor for lines PHASE DONE TOTAL");
  sub->add_option("--skopeo", options.skopeo, "the program that speaks to registries");
}

void add_for_steps(Program& program) {
  ImageOptions& options = program.options;
  CLI::App* prepare =
      program.add("prepare", "make an image ready for containers", cli::image_prepare);
  add_loading(prepare, options);
  prepare->add_option("image,--image", options.image, "the image")->required();
  prepare->add_option("--digest", options.digest, "of the manifest that it has to be");
  prepare->add_option("--record-fd", options.record_fd, "descriptor for the encoded record");
  CLI::Option* local =
      prepare->add_flag("--only-local", options.only_local, "exit code 3 if it isn't here");
  prepare->add_flag("--if-missing", options.if_missing, "don't ask for a newer image of a tag");
  prepare->add_flag("--receive", options.receive, "read the image from standard input")
      ->excludes(local);
  CLI::App* send = program.add("send", "write an image to standard output", cli::image_send);
  send->add_option("--digest", options.digest, "of its manifest")->required();
  send->add_option("--wait", options.wait_s, "seconds to wait for it");
  CLI::App* containers = program.add("rm-containers", "remove what a job's containers kept",
                                     cli::image_remove_containers);
  containers->add_option("--job", options.job, "the job")->required()->check(CLI::PositiveNumber);
}

void add_for_users(Program& program) {
  ImageOptions& options = program.options;
  CLI::App* pull = program.add("pull", "load an image, or what is new of it", cli::image_pull);
  add_loading(pull, options);
  pull->add_option("image", options.image, "the image")->required();
  CLI::App* list = program.add("list", "tell what is here", cli::image_list);
  list->add_flag("--json", options.json, "print JSON");
  CLI::App* inspect = program.add("inspect", "tell about an image, as JSON", cli::image_inspect);
  inspect->add_option("image", options.image, "the image or its digest")->required();
  CLI::App* remove = program.add("rm", "remove an image", cli::image_remove);
  remove->add_option("image", options.image, "the image or its digest")->required();
  CLI::App* gc = program.add("gc", "remove what is not needed", cli::image_gc);
  gc->add_option("--max-size", options.max_size, "how much may stay, as 50G");
  gc->add_option("--max-age", options.max_age, "since the last use, as 30d");
  CLI::App* save = program.add("save", "write an image to a squashfs file", cli::image_save);
  save->add_option("image", options.image, "the image or its digest")->required();
  save->add_option("path", options.path, "the file")->required();
  save->add_option("--changes", options.changes, "the upper folder of a container made from it")
      ->check(CLI::ExistingDirectory);
  save->add_option("--timeout", options.timeout_s, "seconds until it is given up (0: never)");
}

}  // namespace

int main(int argc, char** argv) {
  // File names are bytes, which libarchive passes through in this locale; set before any file of an
  // image can be seen.
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) std::setlocale(LC_CTYPE, "C");
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(022);  // the home is closed to others; inside of it an image's own modes count
  Program program;
  program.app.require_subcommand(1);
  program.app.set_version_flag("-V,--version", "slurm 25.11.0");
  add_for_users(program);
  add_for_steps(program);
  CLI11_PARSE(program.app, argc, argv);

  const Result<int> result = program.chosen(program.options);
  if (result) return *result;
  std::fprintf(stderr, "sluice-image: error: %s\n", result.error().text.c_str());
  return 1;
}
