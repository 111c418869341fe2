// TLS as a stream over a stream, by OpenSSL's memory BIOs: what the wire brings goes into one, what
// must leave is taken from the other. The same object runs the handshake and is then handed out.
//
// The handshake's end is explicit: with TLS 1.3 a client is through before the server has judged
// its certificate, so the server sends one byte once it has; only then is either side done.

#include "net/tls.hpp"

#include <array>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/assert.hpp"
#include "net/slot.hpp"
#include "net/tls_context.hpp"

namespace sluice::net {

namespace {

constexpr char kAccepted = '\1';
// One TLS record's worth; more waiting plain text than this is encrypted at once.
constexpr std::size_t kRecord = 16 * 1024;

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPointer = std::unique_ptr<SSL, FreeSsl>;

class TlsStream final : public Stream {
 public:
  TlsStream(Loop& loop, std::shared_ptr<const TlsContext> context, std::unique_ptr<Stream> wire)
      : loop_(loop), context_(std::move(context)), wire_(std::move(wire)) {}

  // The handshake; `done` is called once, from the loop, with the verdict.
  void start(TlsOptions options, std::function<void(Status)> done);
  // Ends a handshake that takes too long.
  void refuse(Error why) { end(std::move(why)); }
  [[nodiscard]] const HostIdentity& peer() const { return verdict_.identity; }

  void on_data(std::function<void(std::string_view)> handler) override {
    on_data_.set(std::move(handler));
  }
  void on_drain(std::function<void()> handler) override { on_drain_.set(std::move(handler)); }
  void on_close(std::function<void(const Error&)> handler) override {
    on_close_.set(std::move(handler));
  }
  void write(std::string_view bytes) override;
  [[nodiscard]] std::size_t queued_bytes() const override {
    return plain_.size() + wire_->queued_bytes();
  }
  void pause() override;
  void resume() override;
  void finish() override;
  void close() override;
  [[nodiscard]] bool is_open() const override { return phase_ != Phase::closed; }

 private:
  enum class Phase { handshake, awaiting_byte, open, finishing, closed };

  void take(std::string_view bytes);
  void advance();
  void greet();
  void read_plain();
  void encrypt();
  void send_wire();
  void wire_closed(const Error& why);
  void end(Error why);
  [[nodiscard]] bool failed(int result) const;
  [[nodiscard]] Error failure() const;

  Loop& loop_;
  std::shared_ptr<const TlsContext> context_;
  std::unique_ptr<Stream> wire_;
  PeerVerdict verdict_;
  SslPointer ssl_;
  TlsSide side_ = TlsSide::client;
  Slot<void(Status)> on_handshake_;
  Slot<void(std::string_view)> on_data_;
  Slot<void()> on_drain_;
  Slot<void(const Error&)> on_close_;
  std::string plain_;
  Error why_closed_;
  Phase phase_ = Phase::handshake;
  bool reading_ = false;
  bool encrypt_planned_ = false;
  bool end_due_ = false;     // on_close is on its way
  bool wire_ended_ = false;  // but plain text may still wait in the BIO
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

void TlsStream::start(TlsOptions options, std::function<void(Status)> done) {
  on_handshake_.set(std::move(done));
  side_ = options.side;
  verdict_.check = std::move(options.check);
  SLUICE_ASSERT(verdict_.check != nullptr, "a TLS handshake without a check");
  ssl_.reset(static_cast<const OpensslContext&>(*context_).make_ssl(side_, &verdict_));
  if (!ssl_) return end(Error{ErrorCode::internal, "TLS: out of memory"});
  wire_->on_data([this](std::string_view bytes) { take(bytes); });
  wire_->on_drain([this] { on_drain_(); });
  wire_->on_close([this](const Error& why) { wire_closed(why); });
  wire_->resume();
  advance();
}

bool TlsStream::failed(int result) const {
  const int code = SSL_get_error(ssl_.get(), result);
  return code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE;
}

Error TlsStream::failure() const {
  if (!verdict_.refusal.text.empty()) {
    ERR_clear_error();
    return verdict_.refusal;
  }
  return Error{ErrorCode::access_denied, "TLS: " + openssl_reason()};
}

void TlsStream::take(std::string_view bytes) {
  if (!is_open()) return;
  const int taken =
      BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  if (taken != static_cast<int>(bytes.size())) {
    return end(Error{ErrorCode::internal, "TLS: out of memory"});
  }
  if (phase_ == Phase::handshake || phase_ == Phase::awaiting_byte) {
    advance();
  } else if (reading_) {
    read_plain();
  }
}

// One more step of the handshake, as far as the bytes at hand go.
void TlsStream::advance() {
  if (phase_ == Phase::handshake) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    send_wire();  // also an alert that says why not
    if (result != 1) {
      if (failed(result)) end(failure());
      return;
    }
    phase_ = Phase::awaiting_byte;
  }
  greet();
}

void TlsStream::greet() {
  char byte = kAccepted;
  ERR_clear_error();
  if (side_ == TlsSide::server) {
    SSL_write(ssl_.get(), &byte, 1);
    send_wire();
  } else {
    const int result = SSL_read(ssl_.get(), &byte, 1);
    if (result <= 0) {
      if (failed(result)) end(Error{ErrorCode::access_denied, "refused: " + openssl_reason()});
      return;
    }
    if (byte != kAccepted) return end(Error{ErrorCode::protocol, "TLS: no greeting"});
  }
  SLUICE_ASSERT(verdict_.accepted, "a TLS handshake ended without a verdict");
  verdict_.check = nullptr;
  phase_ = Phase::open;
  wire_->pause();
  loop_.post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) on_handshake_(Status{});
  });
}

void TlsStream::read_plain() {
  const std::weak_ptr<char> alive = alive_;
  std::array<char, kRecord> buffer;
  while (reading_ && phase_ == Phase::open) {
    ERR_clear_error();
    const int count = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (count <= 0) {
      if (!failed(count)) break;
      const bool orderly = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
      return end(orderly ? Error{ErrorCode::unavailable, "closed by peer"} : failure());
    }
    on_data_(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    if (alive.expired()) return;
  }
  if (phase_ != Phase::open) return;
  send_wire();  // answers of TLS itself (key updates)
  if (wire_ended_ && reading_) end(why_closed_);
}

void TlsStream::write(std::string_view bytes) {
  if (phase_ != Phase::open || bytes.empty()) return;
  plain_.append(bytes);
  if (plain_.size() >= kRecord) return encrypt();
  if (encrypt_planned_) return;
  encrypt_planned_ = true;
  loop_.at_turn_end_once([this, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired()) return;
    encrypt_planned_ = false;
    if (is_open()) encrypt();
  });
}

void TlsStream::encrypt() {
  std::string_view rest = plain_;
  while (!rest.empty()) {
    ERR_clear_error();
    const std::size_t most = rest.size() < kRecord ? rest.size() : kRecord;
    const int count = SSL_write(ssl_.get(), rest.data(), static_cast<int>(most));
    if (count <= 0) return end(failure());
    rest.remove_prefix(static_cast<std::size_t>(count));
    send_wire();  // record by record, so that the BIO stays small
  }
  plain_.clear();
  if (plain_.capacity() > 4 * kRecord) plain_ = std::string();
}

void TlsStream::send_wire() {
  BIO* const out = SSL_get_wbio(ssl_.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  if (size <= 0) return;
  wire_->write(std::string_view(data, static_cast<std::size_t>(size)));
  BIO_reset(out);
}

void TlsStream::wire_closed(const Error& why) {
  if (!is_open()) return;
  if (phase_ != Phase::open) return end(why);
  wire_ended_ = true;
  why_closed_ = why;
  if (reading_) read_plain();
}

void TlsStream::pause() {
  reading_ = false;
  if (phase_ == Phase::open) wire_->pause();
}

void TlsStream::resume() {
  if (phase_ != Phase::open || reading_) return;
  reading_ = true;
  wire_->resume();
  // Plain text that came with the last bytes before the pause waits for nobody else.
  loop_.post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired() && reading_) read_plain();
  });
}

void TlsStream::finish() {
  if (phase_ != Phase::open) return;
  encrypt();
  if (!is_open()) return;
  SSL_shutdown(ssl_.get());
  send_wire();
  reading_ = false;
  phase_ = Phase::finishing;
  wire_->finish();
}

void TlsStream::end(Error why) {
  if (!is_open()) return;
  const bool shaking = phase_ == Phase::handshake || phase_ == Phase::awaiting_byte;
  phase_ = Phase::closed;
  reading_ = false;
  why_closed_ = std::move(why);
  wire_->finish();  // an alert may still be on its way
  end_due_ = true;
  loop_.post([this, shaking, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired() || !end_due_) return;
    if (shaking) {
      on_handshake_(tl::unexpected<Error>(why_closed_));
    } else {
      on_close_(why_closed_);
    }
  });
}

void TlsStream::close() {
  phase_ = Phase::closed;
  end_due_ = false;
  reading_ = false;
  wire_->close();
  plain_ = std::string();
}

class Handshake final : public TlsHandshake {
 public:
  Handshake(Loop& loop, std::unique_ptr<TlsStream> stream, TlsDone done)
      : loop_(loop), stream_(std::move(stream)), done_(std::move(done)) {}

  void start(TlsOptions options) {
    limit_ = loop_.after(options.handshake_timeout_ms, [this] {
      stream_->refuse(Error{ErrorCode::unavailable, "TLS handshake timed out"});
    });
    stream_->start(std::move(options), [this](Status status) { ended(std::move(status)); });
  }

 private:
  // The owner may destroy this object in `done`.
  void ended(Status status) {
    limit_ = Timer();
    const Slot<void(Result<TlsConnection>)> done = std::exchange(done_, {});
    if (!status) return done(tl::unexpected<Error>(std::move(status).error()));
    TlsConnection connection{.stream = nullptr, .peer = stream_->peer()};
    connection.stream = std::move(stream_);
    done(std::move(connection));
  }

  Loop& loop_;
  std::unique_ptr<TlsStream> stream_;
  Timer limit_;
  Slot<void(Result<TlsConnection>)> done_;
};

}  // namespace

std::unique_ptr<TlsHandshake> start_tls(Loop& loop, std::shared_ptr<const TlsContext> context,
                                        std::unique_ptr<Stream> stream, TlsOptions options,
                                        TlsDone done) {
  auto tls = std::make_unique<TlsStream>(loop, std::move(context), std::move(stream));
  auto handshake = std::make_unique<Handshake>(loop, std::move(tls), std::move(done));
  handshake->start(std::move(options));
  return handshake;
}

}  // namespace sluice::net
