// See relay.hpp.
#include "daemon/relay/relay.hpp"

#include <utility>

#include "daemon/relay/source.hpp"

namespace sluice::relay {

Result<std::unique_ptr<Relay>> Relay::create(const RelayOptions& options,
                                             const std::vector<config::RelayTarget>& targets) {
  std::unique_ptr<Relay> relay(new Relay());
  for (const config::RelayTarget& target : targets) {
    const bool queue = target.kind == config::RelayTarget::Kind::amqp;
    Result<std::unique_ptr<Target>> made =
        queue ? make_queue(target, relay->stop_) : make_webhook(target, relay->stop_);
    if (!made) return context(target.name, made.error());
    Line line;
    line.stream = std::make_unique<Source>(options.socket, relay->stop_);
    line.target = std::move(*made);
    auto courier = Courier::create({target, options.dir + "/" + target.name + ".cursor"},
                                   *line.stream, *line.target, relay->stop_);
    if (!courier) return context(target.name, courier.error());
    line.courier = std::move(*courier);
    relay->lines_.push_back(std::move(line));
  }
  return relay;
}

void Relay::start() {
  for (Line& line : lines_) {
    line.thread = std::thread([courier = line.courier.get()] { courier->run(); });
  }
}

Relay::~Relay() {
  stop_.set();
  for (Line& line : lines_) {
    if (line.thread.joinable()) line.thread.join();
  }
}

}  // namespace sluice::relay
