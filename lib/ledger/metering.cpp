// See metering.hpp.
#include "ledger/metering.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace sluice::ledger {

namespace {

class Advance {
 public:
  Advance(const PriceSet& prices, OpenAttempt& attempt, TariffCache& cache)
      : prices_(prices),
        attempt_(attempt),
        cache_(cache),
        granules_(attempt.start, attempt.granularity_s, attempt.minimum_s) {}

  std::vector<Piece> run(const MeterQuestion& question) {
    const WallTime limit = limit_of(question);
    while (attempt_.charged_until < limit) {
      const WallTime from = attempt_.charged_until;
      look_up(from);
      WallTime to = std::min({limit, cache_.until, month_start(next_month(month_of(from)))});
      const auto cut = std::ranges::upper_bound(question.cuts, from);
      if (cut != question.cuts.end()) to = std::min(to, *cut);
      for (const TariffItem& item : cache_.tariff.items) add(item, from, to);
      closed_ = is_cut(to, question.cuts) ? pieces_.size() : closed_;
      attempt_.charged_until = to;
    }
    if (question.upto == Upto::end) complete();
    return std::move(pieces_);
  }

 private:
  [[nodiscard]] WallTime limit_of(const MeterQuestion& question) const {
    if (question.upto != Upto::granule || question.to <= attempt_.start) return question.to;
    const WallTime month = month_start(month_of(question.to));
    return std::max(granules_.begin(question.to), month);
  }

  // Pieces before a cut are not continued.
  static bool is_cut(WallTime when, std::span<const WallTime> cuts) {
    return std::ranges::binary_search(cuts, when) || month_start(month_of(when)) == when;
  }

  void look_up(WallTime when) {
    const WallTime begin = granules_.begin(when);
    if (cache_.until > when && cache_.from <= begin) return;
    const TariffQuestion question{
        attempt_.book,
        attempt_.allotment,
        {attempt_.job.partition, attempt_.job.qos, attempt_.accounts, attempt_.suspended}};
    cache_.tariff = tariff_at(prices_, question, begin);
    cache_.from = begin;
    cache_.until = cache_.tariff.until == kEver ? kEver : granules_.end(cache_.tariff.until);
  }

  std::uint32_t line_of(const Price& price) {
    const std::uint32_t version = cache_.tariff.book->version;
    for (std::uint32_t line = 0; line < attempt_.lines.size(); ++line) {
      const RatedLine& known = attempt_.lines[line];
      if (known.version == version && known.sku == price.sku) return line;
    }
    attempt_.lines.push_back({version, price.sku, {}});
    return static_cast<std::uint32_t>(attempt_.lines.size() - 1);
  }

  Piece& piece_of(const TariffItem& item, WallTime from) {
    for (std::size_t index = closed_; index < pieces_.size(); ++index) {
      Piece& piece = pieces_[index];
      if (piece.price == item.price && piece.count == item.count && piece.to == from) return piece;
    }
    pieces_.push_back(
        {line_of(*item.price), cache_.tariff.book, item.price, item.count, from, from, 0, 0});
    return pieces_.back();
  }

  void add(const TariffItem& item, WallTime from, WallTime to) {
    Piece& piece = piece_of(item, from);
    piece.to = to;
    piece.consumed += Wide{item.count} * (to - from);
    piece.priced += Wide{item.count} * (to - from);
  }

  // The rest of the granule that has begun.
  void complete() {
    const WallTime now = attempt_.charged_until;
    const WallTime rest = granules_.end(now) - now;
    if (now <= attempt_.start || rest == 0) return;
    look_up(now);
    closed_ = 0;  // it belongs to the time before, even on a month's last moment
    for (const TariffItem& item : cache_.tariff.items) {
      piece_of(item, now).priced += Wide{item.count} * rest;
    }
  }

  const PriceSet& prices_;
  OpenAttempt& attempt_;
  TariffCache& cache_;
  Granules granules_;
  std::vector<Piece> pieces_;
  std::size_t closed_ = 0;  // pieces before this one can't grow
};

// What was consumed for the first `priced` of the piece: in proportion. By times and not by
// quantities, so that the product stays within 128 bits; a piece is no longer than a month.
Wide consumed_for(const Piece& piece, Wide priced) {
  if (priced == piece.priced || piece.consumed == piece.priced) {
    return priced == piece.priced ? piece.consumed : priced;
  }
  return priced * (piece.consumed / piece.count) / (piece.priced / piece.count);
}

}  // namespace

Granules::Granules(WallTime start, std::uint32_t granularity_s, std::uint32_t minimum_s)
    : start_(start), size_(granularity_s * kSecond) {
  const std::int64_t least = minimum_s * kSecond;
  first_end_ = start_ + std::max(size_, (least + size_ - 1) / size_ * size_);
}

WallTime Granules::begin(WallTime when) const {
  if (when < first_end_) return start_;
  return first_end_ + (when - first_end_) / size_ * size_;
}

WallTime Granules::end(WallTime when) const {
  if (when <= start_) return start_;
  if (when <= first_end_) return first_end_;
  return begin(when - 1) + size_;
}

OpenAttempt begin_attempt(const Customer& customer, const PriceSet& prices,
                          const AttemptStart& start) {
  OpenAttempt attempt;
  attempt.job = start.job;
  attempt.customer = customer.id;
  attempt.accounts = start.accounts;
  attempt.allotment = start.allotment;
  attempt.start = attempt.charged_until = attempt.held_until = start.start;
  attempt.limit_end = start.limit_end;
  attempt.book = customer.book;
  attempt.discount = customer.discount;
  if (const PriceBook* book = prices.at(customer.book, start.start); book != nullptr) {
    attempt.granularity_s = book->granularity_s;
    attempt.minimum_s = book->minimum_s;
    attempt.free_fates = book->free_fates;
  }
  return attempt;
}

WallTime hold_end(const Customer& customer, WallTime from, WallTime job_end) {
  std::uint32_t hours = customer.hold_hours;
  if (hours == 0 && job_end != 0) return job_end;
  if (hours == 0) hours = kUnlimitedHoldHours;
  const WallTime until = from + hours * 3'600 * kSecond;
  return job_end == 0 ? until : std::min(job_end, until);
}

std::vector<Piece> advance(const PriceSet& prices, OpenAttempt& attempt, TariffCache& cache,
                           const MeterQuestion& question) {
  return Advance(prices, attempt, cache).run(question);
}

std::vector<Draw> fund(const std::vector<Piece>& pieces, OpenAttempt& attempt, Purse& purse) {
  std::vector<Draw> draws;
  for (const Piece& piece : pieces) {
    RatedLine& line = attempt.lines[piece.line];
    const std::int64_t per_hour = find_unit(piece.price->meter, piece.price->unit)->per_hour;
    const UnitPrice list{piece.price->unit_price, per_hour, 1000};
    const UnitPrice contracted{piece.price->unit_price, per_hour, 1000 - attempt.discount};
    Wide before = in_micros(line.priced);
    Wide drawn = 0;
    Wide consumed = 0;
    const auto draw = [&](std::uint32_t package, Wide priced) {
      Draw one{piece, package, 0, 0};
      one.piece.priced = priced;
      one.piece.consumed = consumed_for(piece, drawn + priced) - consumed;
      one.list = cost(before + priced, list) - cost(before, list);
      one.contracted = cost(before + priced, contracted) - cost(before, contracted);
      before += priced;
      drawn += priced;
      consumed += one.piece.consumed;
      draws.push_back(std::move(one));
    };
    for (PurseShare& share : purse) {
      const bool usable = share.meter == piece.price->meter && piece.price->unit_price > 0 &&
                          (share.expires == 0 || piece.from < share.expires);
      const Wide take = usable ? std::min(share.left, piece.priced - drawn) : 0;
      if (take == 0) continue;
      draw(share.package, take);
      share.left -= take;
    }
    if (drawn < piece.priced) draw(0, piece.priced - drawn);
    line.priced = quantity_of(before);
  }
  return draws;
}

std::vector<WallTime> cuts_of(const Purse& purse) {
  std::vector<WallTime> cuts;
  for (const PurseShare& share : purse) {
    if (share.expires != 0) cuts.push_back(share.expires);
  }
  std::ranges::sort(cuts);
  return cuts;
}

}  // namespace sluice::ledger
