// Where sluice-relay sends the events: a web server, or a message queue.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::config {

struct RelayTarget {
  enum class Kind : std::uint8_t { webhook, amqp };
  std::string name;  // letters, digits, "-" and "_": also the name of its cursor's file
  Kind kind = Kind::webhook;
  std::string url;                  // of a webhook
  std::vector<std::string> events;  // "job", "job.ended", ...; empty: all
  bool from_oldest = false;         // where a target begins that has no cursor yet; else: now
  std::uint32_t timeout_s = 10;     // of connecting, and of each answer
  std::uint32_t batch = 100;        // events in a request, at most
  std::uint32_t retry_max_s = 60;   // the longest pause between two attempts
  std::string secret_file;          // of a webhook: key of its signatures
  std::string ca_file;              // whom to believe; empty: the host's certificates

  // Of a message queue.
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;
  std::string user = "guest";
  std::string password_file;
  std::string virtual_host = "/";
  std::string exchange = "sluice";  // durable, of type topic
  std::string queue;                // durable, bound to all of it; empty: none is made
};

}  // namespace sluice::config
