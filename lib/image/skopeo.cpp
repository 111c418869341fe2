// See the header.
#include "image/skopeo.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/file.hpp"
#include "base/strings.hpp"
#include "image/program.hpp"

namespace sluice::image {
namespace {

constexpr std::size_t kMaxComplaint = 600;

bool has_policy() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && base::file_exists(std::string(home) + "/.config/containers/policy.json")) {
    return true;
  }
  return base::file_exists("/etc/containers/policy.json");
}

std::string url(const Reference& image, const std::string& digest) {
  const std::string wanted = digest.empty() ? image.digest : digest;
  if (!wanted.empty()) return "docker://" + image.repository() + "@" + wanted;
  return "docker://" + image.repository() + ":" + image.tag;
}

// The quoted text after `msg=`, its escapes undone.
std::string unquote(std::string_view text) {
  std::string out;
  for (std::size_t i = 1; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out.push_back(text[i]);
  }
  return out;
}

std::string without(std::string text, std::string_view part) {
  const std::size_t at = text.find(part);
  if (at != std::string::npos) text.erase(at, part.size());
  return text;
}

}  // namespace

std::string condense_complaint(std::string_view printed) {
  std::string said;
  for (const std::string_view line : base::split_nonempty(printed, '\n')) {
    const std::size_t at = line.find(" msg=\"");
    const bool is_log = line.substr(0, 5) == "time=" && at != std::string_view::npos;
    const bool counts = line.find("level=fatal") != std::string_view::npos ||
                        line.find("level=error") != std::string_view::npos;
    if (is_log && counts) {
      said = unquote(line.substr(at + 5));
    } else if (!is_log) {
      said = base::trim(line);
    }
  }
  if (said.empty()) return "it ended without a reason";
  // "manifest unknown: manifest unknown": the code and its text are often the same words.
  const std::size_t colon = said.rfind(": ");
  if (colon != std::string::npos) {
    const std::string last = said.substr(colon);
    if (said.size() >= 2 * last.size() &&
        said.compare(colon - last.size(), last.size(), last) == 0) {
      said.resize(colon);
    }
  }
  if (said.rfind("Error parsing image name \"", 0) == 0) {
    const std::size_t end = said.find("\": ");
    if (end != std::string::npos) said.erase(0, end + 3);
  }
  std::string line;
  for (const char c : without(std::move(said), "initializing source ")) {
    line.push_back(static_cast<unsigned char>(c) < ' ' || c == 0x7f ? ' ' : c);
  }
  if (line.size() > kMaxComplaint) line.resize(kMaxComplaint);
  return line;
}

bool Skopeo::is_insecure(const std::string& registry) const {
  return std::find(options_.insecure.begin(), options_.insecure.end(), registry) !=
         options_.insecure.end();
}

Result<std::string> Skopeo::run(std::vector<std::string> words,
                                const std::function<void()>& tick) const {
  ProgramCall call;
  call.command = {options_.program};
  if (!has_policy()) call.command.emplace_back("--insecure-policy");
  for (std::string& word : words) call.command.push_back(std::move(word));
  call.deadline = options_.deadline;
  call.tick = tick;
  auto end = run_program(call);
  if (!end) return tl::unexpected(end.error());
  if (end->exit_code != 0) return fail(ErrorCode::unavailable, condense_complaint(end->errors));
  return std::move(end->output);
}

Result<std::string> Skopeo::manifest(const Reference& image, const std::string& digest) const {
  std::vector<std::string> words = {"inspect", "--raw"};
  if (is_insecure(image.registry)) words.emplace_back("--tls-verify=false");
  words.push_back(url(image, digest));
  return run(std::move(words));
}

Result<std::string> Skopeo::config(const Reference& image, const std::string& digest) const {
  std::vector<std::string> words = {"inspect", "--config", "--raw"};
  if (is_insecure(image.registry)) words.emplace_back("--tls-verify=false");
  words.push_back(url(image, digest));
  return run(std::move(words));
}

Status Skopeo::copy(const Reference& image, const std::string& digest, const std::string& layout,
                    const std::function<void()>& tick) const {
  std::vector<std::string> words = {"copy", "--quiet", "--dest-oci-accept-uncompressed-layers"};
  if (is_insecure(image.registry)) words.emplace_back("--src-tls-verify=false");
  words.push_back(url(image, digest));
  words.push_back("oci:" + layout + ":image");
  auto output = run(std::move(words), tick);
  if (!output) return tl::unexpected(output.error());
  return {};
}

Status Skopeo::copy_archive(const std::string& archive, const std::string& layout) const {
  auto output = run({"copy", "--quiet", "--dest-oci-accept-uncompressed-layers",
                     "docker-archive:" + archive, "oci:" + layout + ":image"});
  if (!output) return tl::unexpected(output.error());
  return {};
}

Status Skopeo::check_login(const Reference& image) const {
  if (image.user.empty()) return {};
  auto login = run({"login", "--get-login", image.registry});
  if (login && base::trim(*login) == image.user) return {};
  return fail(ErrorCode::access_denied,
              "not logged in to " + image.registry + " as " + base::escape(image.user) +
                  (login ? " but as " + base::escape(base::trim(*login)) : "") +
                  "; log in with: skopeo login " + image.registry);
}

}  // namespace sluice::image
