// From a TCP connection to a link, on both sides.

#include <list>
#include <utility>

#include "net/link.hpp"
#include "net/slot.hpp"

namespace sluice::net {

namespace {

class LinkAttempt final : public Connecting {
 public:
  LinkAttempt(Loop& loop, LinkTarget target, std::function<void(Result<LinkConnection>)> done)
      : loop_(loop), target_(std::move(target)), done_(std::move(done)) {
    tcp_ = connect_tcp(loop_, target_.tcp, target_.timeout_ms,
                       [this](Result<std::unique_ptr<Stream>> stream) {
                         if (!stream) return answer(tl::unexpected<Error>(stream.error()));
                         shake(std::move(*stream));
                       });
  }

 private:
  void shake(std::unique_ptr<Stream> stream) {
    TlsOptions options{.side = TlsSide::client,
                       .handshake_timeout_ms = target_.timeout_ms,
                       .check = target_.check};
    tls_ =
        start_tls(loop_, target_.context, std::move(stream), std::move(options),
                  [this](Result<TlsConnection> ready) {
                    if (!ready) return answer(tl::unexpected<Error>(ready.error()));
                    LinkOptions link = target_.options;
                    link.side = TlsSide::client;
                    answer(LinkConnection{.link = make_link(loop_, std::move(ready->stream), link),
                                          .peer = std::move(ready->peer)});
                  });
  }

  // The last thing that a member does: the owner may destroy this object in it.
  void answer(Result<LinkConnection> result) {
    const Slot<void(Result<LinkConnection>)> done = std::exchange(done_, {});
    done(std::move(result));
  }

  Loop& loop_;
  LinkTarget target_;
  Slot<void(Result<LinkConnection>)> done_;
  std::unique_ptr<Connecting> tcp_;
  std::unique_ptr<TlsHandshake> tls_;
};

class LinkServer final : public Listener {
 public:
  LinkServer(Loop& loop, LinkServerOptions options, std::function<void(LinkConnection)> accept)
      : loop_(loop), options_(std::move(options)), accept_(std::move(accept)) {
    options_.options.side = TlsSide::server;
  }

  Status start() {
    auto listener = listen_tcp(loop_, options_.address, options_.port,
                               [this](std::unique_ptr<Stream> stream, const std::string& remote) {
                                 shake(std::move(stream), remote);
                               });
    if (!listener) return tl::unexpected<Error>(std::move(listener).error());
    listener_ = std::move(*listener);
    return {};
  }
  [[nodiscard]] std::uint16_t port() const override { return listener_->port(); }

 private:
  using Handshakes = std::list<std::unique_ptr<TlsHandshake>>;

  void shake(std::unique_ptr<Stream> stream, const std::string& remote) {
    if (handshakes_.size() >= options_.max_handshakes) {
      return report(remote, Error{ErrorCode::busy, "too many handshakes at the same time"});
    }
    TlsOptions tls{.side = TlsSide::server,
                   .handshake_timeout_ms = options_.handshake_timeout_ms,
                   .check = options_.check};
    const auto place = handshakes_.emplace(handshakes_.end());
    *place = start_tls(loop_, options_.context, std::move(stream), std::move(tls),
                       [this, place, remote](Result<TlsConnection> ready) {
                         handshakes_.erase(place);
                         if (!ready) return report(remote, ready.error());
                         accept_(LinkConnection{
                             .link = make_link(loop_, std::move(ready->stream), options_.options),
                             .peer = std::move(ready->peer)});
                       });
  }

  void report(const std::string& remote, const Error& why) const {
    if (options_.failed) options_.failed(remote, why);
  }

  Loop& loop_;
  LinkServerOptions options_;
  Slot<void(LinkConnection)> accept_;
  Handshakes handshakes_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace

std::unique_ptr<Connecting> connect_link(Loop& loop, LinkTarget target,
                                         std::function<void(Result<LinkConnection>)> done) {
  return std::make_unique<LinkAttempt>(loop, std::move(target), std::move(done));
}

Result<std::unique_ptr<Listener>> listen_links(Loop& loop, LinkServerOptions options,
                                               std::function<void(LinkConnection)> accept) {
  auto server = std::make_unique<LinkServer>(loop, std::move(options), std::move(accept));
  if (Status done = server->start(); !done) return tl::unexpected<Error>(std::move(done).error());
  return server;
}

}  // namespace sluice::net
