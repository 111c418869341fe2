// Reservations and licences between commands and the controller.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "model/reservation_patch.hpp"
#include "wire/message_types.hpp"

namespace sluice::wire {

struct QueryReservations {
  static constexpr MessageType kType = MessageType::query_reservations;
  Text name;  // empty: all

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
  }
};

struct ReservationsReply {
  static constexpr MessageType kType = MessageType::reservations_reply;
  std::vector<model::Reservation> reservations;  // in the order of their making
  model::WallTime now = 0;                       // of the controller

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "reservations", self.reservations);
    visit(2, "now", self.now);
  }
};

// Operators and administrators; whom a reservation is for may remove it if it says USER_DELETE.
struct EditReservation {
  static constexpr MessageType kType = MessageType::edit_reservation;
  Uid128 request_id;
  model::ReservationVerb verb = model::ReservationVerb::create;
  Text name;  // empty: the controller finds one (create)
  model::ReservationPatch patch;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "request_id", self.request_id);
    visit(2, "verb", self.verb);
    visit(3, "name", self.name);
    visit(4, "patch", self.patch);
  }
};

struct EditReservationReply {
  static constexpr MessageType kType = MessageType::edit_reservation_reply;
  Text name;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
  }
};

struct QueryLicenses {
  static constexpr MessageType kType = MessageType::query_licenses;
  template <class Self, class Visitor>
  static void fields(Self&, Visitor&) {}
};

struct LicenseRow {
  Text name;
  std::uint32_t total = 0;
  std::uint32_t used = 0;
  std::uint32_t reserved = 0;  // by reservations that are active

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "name", self.name);
    visit(2, "total", self.total);
    visit(3, "used", self.used);
    visit(4, "reserved", self.reserved);
  }
};

struct LicensesReply {
  static constexpr MessageType kType = MessageType::licenses_reply;
  std::vector<LicenseRow> licenses;  // by name

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit(1, "licenses", self.licenses);
  }
};

}  // namespace sluice::wire
