// What sluice-image prints of the images that are here.
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/clock.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "base/timetext.hpp"
#include "cli/sluice_image/commands.hpp"
#include "image/collect.hpp"
#include "image/digest.hpp"

namespace sluice::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownDigits = 12;

Json texts(const std::vector<Text>& list) {
  Json json = Json::array();
  for (const Text& text : list) json.push_back(text.str());
  return json;
}

// Names and words of an image may be anything; JSON is UTF-8.
std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<std::string> image_table(const image::Home& home) {
  auto images = image::list_images(home);
  if (!images) return tl::unexpected(images.error());
  std::size_t width = std::string_view("REFERENCE").size();
  for (const auto& image : *images) width = std::max(width, base::escape(image.reference).size());
  std::string text =
      fmt::format("{:<{}} {:<12} {:>8} {}\n", "REFERENCE", width, "DIGEST", "SIZE", "LAST USED");
  for (const auto& image : *images) {
    text += fmt::format("{:<{}} {:<12} {:>8} {}\n", base::escape(image.reference), width,
                        image::hex_of(image.digest).substr(0, kShownDigits),
                        base::format_rounded(image.bytes, base::Unit::one),
                        base::format_time(image.last_use));
  }
  return text;
}

Result<std::string> image_table_json(const image::Home& home) {
  auto images = image::list_images(home);
  if (!images) return tl::unexpected(images.error());
  Json list = Json::array();
  for (const auto& image : *images) {
    list.push_back({{"reference", image.reference},
                    {"digest", image.digest},
                    {"bytes", image.bytes},
                    {"last_used", image.last_use}});
  }
  Json json;
  json["images"] = std::move(list);
  json["bytes"] = image::size_of_home(home);
  return dump(json);
}

std::string record_json(const image::Home& home, const image::ImageRecord& record) {
  Json json;
  json["reference"] = record.reference.str();
  json["digest"] = record.digest.str();
  json["architecture"] = record.architecture.str();
  json["bytes"] = record.bytes;
  json["last_used"] = home.last_use(record.digest);
  json["layers"] = texts(record.layers);
  json["environment"] = texts(record.environment);
  json["entrypoint"] = texts(record.entrypoint);
  json["command"] = texts(record.command);
  json["workdir"] = record.workdir.str();
  json["user"] = record.user.str();
  return dump(json);
}

}  // namespace sluice::cli
