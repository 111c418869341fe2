// The one way from a frame to a handler (R2): decode, ask the authorisation table, call.
#include "daemon/controller/service/policies.hpp"
#include "daemon/controller/service/service.hpp"
#include "wire/codec.hpp"

namespace sluice::controller {

namespace {

template <class Request>
void run(Service& service, const Call& call, const net::Frame& frame) {
  Result<Request> request = wire::decode<Request>(frame.payload);
  if (!request) return service.refuse(call, request.error());
  // The owner of what the request touches is checked by its handler, object by object.
  const Status allowed = service.judge(auth::Policy<Request>::rule, call.peer, call.peer.uid);
  if (!allowed) return service.refuse(call, allowed.error());
  service.handle(call, *request);
}

using Runner = void (*)(Service&, const Call&, const net::Frame&);

struct Route {
  wire::MessageType type;
  Runner runner;
};

template <class Request>
constexpr Route route() {
  return {Request::kType, &run<Request>};
}

constexpr Route kRoutes[] = {
    route<wire::Submit>(),
    route<wire::JobAction>(),
    route<wire::UpdateJob>(),
    route<wire::UpdateNode>(),
    route<wire::UpdatePartition>(),
    route<wire::EditReservation>(),
    route<wire::QueryReservations>(),
    route<wire::QueryLicenses>(),
    route<wire::WaitJob>(),
    route<wire::NotifyJob>(),
    route<wire::QueryScript>(),
    route<wire::Ping>(),
    route<wire::QueryHosts>(),
    route<wire::QueryTopology>(),
    route<wire::QueryPlan>(),
    route<wire::SubmitHeterogeneous>(),
    route<wire::EditAccounts>(),
    route<wire::LoadPrices>(),
    route<wire::PostMoney>(),
    route<wire::QueryBooks>(),
    route<wire::QuoteSubmit>(),
};

}  // namespace

void dispatch(Service& service, const Call& call, const net::Frame& frame) {
  for (const Route& known : kRoutes) {
    if (static_cast<std::uint16_t>(known.type) == frame.type) {
      return known.runner(service, call, frame);
    }
  }
  service.refuse(call, Error{ErrorCode::protocol, "unknown request"});
}

}  // namespace sluice::controller
