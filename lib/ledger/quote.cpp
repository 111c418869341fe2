// See quote.hpp. The most that it can cost is found on a step function of time: the cost per hour.
// Since a granule costs what holds when it begins, the function is first made as large everywhere
// as it was at any moment of the granule before; then the cost of a run is at most the integral
// over it, and that is largest where the run begins or ends at a step.
#include "ledger/quote.hpp"

#include <algorithm>

namespace sluice::ledger {

namespace {

constexpr std::int64_t kAhead = 731 * kDay;
constexpr std::int64_t kWeek = 8 * kDay;  // and a day, for what began on the last
constexpr std::size_t kMaxSteps = 50'000;
// Rates count micro-units * 1000 per this many TRES-seconds: all units of meters divide it.
constexpr std::int64_t kPerHour = 3'600 * 1'024;
// Beyond it nothing is worth computing exactly; products stay within 128 bits.
constexpr Wide kMaxRate = Wide{1} << 72;

struct Step {
  WallTime from = 0;
  Wide rate = 0;
};

Wide rate_of(const Tariff& tariff, std::uint32_t discount) {
  Wide rate = 0;
  for (const TariffItem& item : tariff.items) {
    const std::int64_t per_hour = find_unit(item.price->meter, item.price->unit)->per_hour;
    const Wide price = Wide{item.price->unit_price} * (1000 - discount) * (kPerHour / per_hour);
    if (price > 0 && Wide{item.count} > kMaxRate / price) return kMaxRate;
    rate = std::min(kMaxRate, rate + item.count * price);
  }
  return rate;
}

class Most {
 public:
  // A run of so long, whose granules are at most so long.
  Most(const PriceSet& prices, const OpenAttempt& attempt, std::int64_t run_us,
       std::int64_t granule_us)
      : prices_(prices),
        attempt_(attempt),
        now_(attempt.start),
        run_us_(run_us),
        granule_us_(granule_us) {}

  Money find() {
    look_ahead();
    if (steps_.size() >= kMaxSteps) {
      return amount(std::ranges::max(steps_, {}, &Step::rate).rate * run_us_);
    }
    widen();
    sum_up();
    Wide most = 0;
    for (const Step& step : steps_) {
      most = std::max({most, cost_from(step.from), cost_from(step.from - run_us_)});
    }
    return amount(most);
  }

 private:
  static Money amount(Wide sum) {
    const Wide money = sum / (Wide{kPerHour} * kMicro * 1000);
    return static_cast<Money>(std::min(money, Wide{kMaxMoney}));
  }

  void look_ahead() {
    const WallTime last = std::clamp(prices_.last_change(attempt_.book), now_, now_ + kAhead);
    const WallTime end = last + kWeek + run_us_;
    const TariffQuestion question{
        attempt_.book,
        attempt_.allotment,
        {attempt_.job.partition, attempt_.job.qos, attempt_.accounts, false}};
    for (WallTime when = now_; when < end && steps_.size() < kMaxSteps;) {
      const Tariff tariff = tariff_at(prices_, question, when);
      steps_.push_back({when, rate_of(tariff, attempt_.discount)});
      when = tariff.until;
    }
  }

  // Each moment gets the highest rate of the granule before it.
  void widen() {
    std::vector<WallTime> breaks;
    for (const Step& step : steps_) {
      breaks.push_back(step.from);
      if (step.from != now_) breaks.push_back(step.from + granule_us_);
    }
    std::ranges::sort(breaks);
    breaks.erase(std::unique(breaks.begin(), breaks.end()), breaks.end());
    std::vector<Step> wide;
    std::size_t last = 0;  // the step that holds at the break
    for (const WallTime at : breaks) {
      while (last + 1 < steps_.size() && steps_[last + 1].from <= at) ++last;
      Wide rate = steps_[last].rate;
      for (std::size_t before = last; before > 0 && steps_[before].from > at - granule_us_;
           --before) {
        rate = std::max(rate, steps_[before - 1].rate);
      }
      wide.push_back({at, rate});
    }
    steps_ = std::move(wide);
  }

  void sum_up() {
    sums_.assign(steps_.size(), 0);
    for (std::size_t index = 1; index < steps_.size(); ++index) {
      const Step& before = steps_[index - 1];
      sums_[index] = sums_[index - 1] + before.rate * (steps_[index].from - before.from);
    }
  }

  [[nodiscard]] Wide upto(WallTime when) const {
    const auto next = std::ranges::upper_bound(steps_, when, {}, &Step::from);
    const auto index = static_cast<std::size_t>(next - steps_.begin()) - 1;
    return sums_[index] + steps_[index].rate * (when - steps_[index].from);
  }

  [[nodiscard]] Wide cost_from(WallTime start) const {
    return start < now_ ? 0 : upto(start + run_us_) - upto(start);
  }

  const PriceSet& prices_;
  const OpenAttempt& attempt_;
  WallTime now_;
  std::int64_t run_us_;
  std::int64_t granule_us_;
  std::vector<Step> steps_;
  std::vector<Wide> sums_;
};

// The granules that a run of this length begins, together.
std::int64_t whole_granules(const OpenAttempt& attempt, std::int64_t limit_us) {
  const std::int64_t granule = attempt.granularity_s * kSecond;
  const std::int64_t least = std::max(limit_us, attempt.minimum_s * kSecond);
  return (least + granule - 1) / granule * granule;
}

}  // namespace

Quote quote(const Customer& customer, const PriceSet& prices, const AttemptStart& start,
            std::int64_t limit_s) {
  Quote quote;
  if (limit_s <= 0) return quote;
  OpenAttempt attempt = begin_attempt(customer, prices, start);
  const std::int64_t limit_us = limit_s * kSecond;
  // Later versions may round otherwise: the longest run, the longest granule.
  std::int64_t run_us = whole_granules(attempt, limit_us);
  std::int64_t granule_us = whole_granules(attempt, 1);
  for (const PriceBookPtr& book : prices.books()) {
    if (book->name != customer.book || (book->until != 0 && book->until <= start.start)) continue;
    OpenAttempt later = attempt;
    later.granularity_s = book->granularity_s;
    later.minimum_s = book->minimum_s;
    run_us = std::max(run_us, whole_granules(later, limit_us));
    granule_us = std::max(granule_us, whole_granules(later, 1));
  }
  quote.most = Most(prices, attempt, run_us, granule_us).find();

  TariffCache cache;
  Purse purse;
  const MeterQuestion question{start.start + limit_us, Upto::end, {}};
  const std::vector<Piece> pieces = advance(prices, attempt, cache, question);
  for (const Draw& draw : fund(pieces, attempt, purse)) {
    const Price& price = *draw.piece.price;
    quote.lines.push_back({{attempt.book, draw.piece.book->version, price.sku, price.meter,
                            price.unit, price.service, price.unit_price, attempt.discount},
                           draw.piece.count,
                           draw.piece.from,
                           draw.piece.to,
                           quantity_of(draw.piece.priced),
                           draw.list,
                           draw.contracted});
    quote.list += draw.list;
    quote.contracted += draw.contracted;
  }
  return quote;
}

}  // namespace sluice::ledger
