// A webhook: POST with a JSON body, {"events": [...]}, signed where a secret is given. Any answer
// of 200 to 299 acknowledges all of them. Redirections aren't followed: who is believed is the host
// that the configuration names.
#include <mutex>
#include <utility>

#include <curl/curl.h>

#include "base/clock.hpp"
#include "daemon/relay/signature.hpp"
#include "daemon/relay/target.hpp"
#include "event/text.hpp"

namespace sluice::relay {

namespace {

// The answer's body is of no interest.
std::size_t drop(const char*, std::size_t size, std::size_t count, void*) { return size * count; }

int ask_stop(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const Stop*>(stop)->is_set() ? 1 : 0;
}

struct EasyEnd {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListEnd {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyEnd>;
using Headers = std::unique_ptr<curl_slist, ListEnd>;

void add(Headers& headers, const std::string& line) {
  headers.reset(curl_slist_append(headers.release(), line.c_str()));
}

std::string body_of(std::span<const event::Event> events) {
  std::string body = "{\"events\": [";
  for (std::size_t i = 0; i < events.size(); ++i) {
    body += (i == 0 ? "\n" : ",\n") + event::event_json(events[i]);
  }
  return body + "\n]}\n";
}

class Webhook : public Target {
 public:
  Webhook(const config::RelayTarget& target, std::string secret, const Stop& stop)
      : target_(target), secret_(std::move(secret)), stop_(stop), easy_(curl_easy_init()) {}

  Status deliver(std::span<const event::Event> events) override {
    CURL* curl = easy_.get();
    curl_easy_reset(curl);  // keeps the connection
    const std::string body = body_of(events);
    const Headers headers = headers_for(body);
    set_up(curl);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    char text[CURL_ERROR_SIZE] = {};
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    const CURLcode done = curl_easy_perform(curl);
    if (stop_.is_set() && done == CURLE_ABORTED_BY_CALLBACK) return fail(ErrorCode::interrupted);
    if (done != CURLE_OK) {
      const std::string why = text[0] != '\0' ? text : curl_easy_strerror(done);
      return fail(ErrorCode::unavailable, target_.url + ": " + why);
    }
    long answer = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    if (answer >= 200 && answer < 300) return {};
    return fail(ErrorCode::unavailable, target_.url + ": answered " + std::to_string(answer));
  }

 private:
  [[nodiscard]] Headers headers_for(const std::string& body) const {
    Headers headers;
    add(headers, "Content-Type: application/json");
    add(headers, "Expect:");
    const std::int64_t now = base::wall_micros() / model::kSecond;
    add(headers, "X-Sluice-Timestamp: " + std::to_string(now));
    if (!secret_.empty()) {
      add(headers, "X-Sluice-Signature: v1=" + signature(secret_, now, body));
    }
    return headers;
  }

  void set_up(CURL* curl) const {
    const long timeout = static_cast<long>(target_.timeout_s);
    curl_easy_setopt(curl, CURLOPT_URL, target_.url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!target_.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, target_.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, timeout);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sluice-relay");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &drop);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &ask_stop);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stop_);
  }

  config::RelayTarget target_;
  std::string secret_;
  const Stop& stop_;
  Easy easy_;
};

}  // namespace

Result<std::unique_ptr<Target>> make_webhook(const config::RelayTarget& target, const Stop& stop) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  std::string secret;
  if (!target.secret_file.empty()) {
    Result<std::string> read = read_secret(target.secret_file);
    if (!read) return tl::unexpected(read.error());
    secret = std::move(*read);
  }
  return std::make_unique<Webhook>(target, std::move(secret), stop);
}

}  // namespace sluice::relay
