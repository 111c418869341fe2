// Bitmap against a vector<bool> and against tables.
#include "base/bitmap.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::base {
namespace {

using Model = std::vector<bool>;

Bitmap bitmap_of(const Model& model) {
  Bitmap bitmap(model.size());
  for (std::size_t i = 0; i < model.size(); ++i) {
    if (model[i]) bitmap.set(i);
  }
  return bitmap;
}

Model model_of(const Bitmap& bitmap) {
  Model model(bitmap.size());
  for (std::size_t i = 0; i < model.size(); ++i) model[i] = bitmap.test(i);
  return model;
}

// Two models of the same size.
std::pair<Model, Model> two(const Model& bits) {
  const auto half = static_cast<std::ptrdiff_t>(bits.size() / 2);
  return {Model(bits.begin(), bits.begin() + half),
          Model(bits.begin() + half, bits.begin() + 2 * half)};
}

RC_GTEST_PROP(BitmapModel, ReadsAsItsModel, (const Model& model)) {
  const Bitmap bitmap = bitmap_of(model);
  RC_ASSERT(model_of(bitmap) == model);
  std::vector<std::uint32_t> members;
  for (std::uint32_t i = 0; i < model.size(); ++i) {
    if (model[i]) members.push_back(i);
  }
  RC_ASSERT(bitmap.members() == members);
  RC_ASSERT(bitmap.count() == members.size());
  RC_ASSERT(bitmap.any() == !members.empty());
  RC_ASSERT(bitmap.all() == (members.size() == model.size()));
  RC_ASSERT(bitmap.find_first() == (members.empty() ? Bitmap::npos : members.front()));
  RC_ASSERT(bitmap.find_last() == (members.empty() ? Bitmap::npos : members.back()));
  std::vector<std::uint32_t> walked;
  for (std::size_t i = bitmap.find_first(); i != Bitmap::npos; i = bitmap.find_next(i)) {
    walked.push_back(static_cast<std::uint32_t>(i));
  }
  RC_ASSERT(walked == members);
}

RC_GTEST_PROP(BitmapModel, SetAlgebra, (const Model& bits)) {
  const auto [a, b] = two(bits);
  Model both(a.size()), either(a.size()), minus(a.size()), inverse(a.size());
  std::size_t common = 0;
  bool subset = true;
  for (std::size_t i = 0; i < a.size(); ++i) {
    both[i] = a[i] && b[i];
    either[i] = a[i] || b[i];
    minus[i] = a[i] && !b[i];
    inverse[i] = !a[i];
    common += both[i] ? 1U : 0U;
    subset = subset && !minus[i];
  }
  const Bitmap x = bitmap_of(a);
  const Bitmap y = bitmap_of(b);
  RC_ASSERT(model_of(x & y) == both);
  RC_ASSERT(model_of(x | y) == either);
  RC_ASSERT(model_of(x - y) == minus);
  RC_ASSERT(model_of(x.complement()) == inverse);
  RC_ASSERT(x.count_common(y) == common);
  RC_ASSERT(x.intersects(y) == (common > 0));
  RC_ASSERT(x.is_subset_of(y) == subset);
  RC_ASSERT((x == y) == (a == b));
  RC_ASSERT(x.complement().complement() == x);
}

RC_GTEST_PROP(BitmapModel, Ranges, (const Model& bits)) {
  Model model = bits;
  const std::size_t first = *rc::gen::inRange<std::size_t>(0, model.size() + 1);
  const std::size_t end = *rc::gen::inRange<std::size_t>(first, model.size() + 1);
  Bitmap bitmap = bitmap_of(model);
  std::size_t inside = 0;
  for (std::size_t i = first; i < end; ++i) inside += model[i] ? 1U : 0U;
  RC_ASSERT(bitmap.count_range(first, end) == inside);
  bitmap.set_range(first, end);
  for (std::size_t i = first; i < end; ++i) model[i] = true;
  RC_ASSERT(model_of(bitmap) == model);
  bitmap.reset_range(first, end);
  for (std::size_t i = first; i < end; ++i) model[i] = false;
  RC_ASSERT(model_of(bitmap) == model);
}

RC_GTEST_PROP(BitmapModel, FirstN, (const Model& model)) {
  const Bitmap bitmap = bitmap_of(model);
  const std::size_t n = *rc::gen::inRange<std::size_t>(0, model.size() + 2);
  const Bitmap first = bitmap.first_n(n);
  RC_ASSERT(first.count() == std::min(n, bitmap.count()));
  RC_ASSERT(first.is_subset_of(bitmap));
  const Bitmap rest = bitmap - first;
  if (first.any() && rest.any()) RC_ASSERT(first.find_last() < rest.find_first());
}

RC_GTEST_PROP(BitmapModel, TextRoundTrips, (const Model& model)) {
  const Bitmap bitmap = bitmap_of(model);
  RC_ASSERT(Bitmap::from_ranges(bitmap.to_ranges(), model.size()) == bitmap);
  RC_ASSERT(Bitmap::from_ranges(bitmap.to_list(), model.size()) == bitmap);
  RC_ASSERT(Bitmap::from_hex(bitmap.to_hex(), model.size()) == bitmap);
  RC_ASSERT(Bitmap::from_words(model.size(), bitmap.words()) == bitmap);
}

RC_GTEST_PROP(BitmapModel, ResizeKeepsWhatFits, (const Model& bits)) {
  Model model = bits;
  Bitmap bitmap = bitmap_of(model);
  const std::size_t size = *rc::gen::inRange<std::size_t>(0, 300);
  bitmap.resize(size);
  model.resize(size);
  RC_ASSERT(bitmap == bitmap_of(model));
}

TEST(Bitmap, Texts) {
  const Bitmap bitmap(200, {0, 1, 2, 3, 7, 63, 64, 199});
  EXPECT_EQ(bitmap.to_ranges(), "0-3,7,63-64,199");
  EXPECT_EQ(bitmap.to_list(), "0,1,2,3,7,63,64,199");
  EXPECT_EQ(Bitmap(8, {0, 1, 2, 3, 7}).to_hex(), "0x8F");
  EXPECT_EQ(Bitmap(128, {64}).to_hex(), "0x10000000000000000");
  EXPECT_EQ(Bitmap(9).to_hex(), "0x0");
  EXPECT_EQ(Bitmap(9).to_ranges(), "");
}

TEST(Bitmap, RefusesBadTexts) {
  for (const char* text : {"8", "1-8", "3-1", "a", "1,", ",1", "-", "1-", "-1", "1-2-3", " 1"}) {
    EXPECT_FALSE(Bitmap::from_ranges(text, 8)) << text;
  }
  for (const char* text : {"", "0x", "0x100", "0xg", "-1"}) {
    EXPECT_FALSE(Bitmap::from_hex(text, 8)) << text;
  }
}

TEST(Bitmap, RefusesForeignWordsThatDoNotFit) {
  EXPECT_FALSE(Bitmap::from_words(64, {1, 2}));
  EXPECT_FALSE(Bitmap::from_words(65, {1}));
  EXPECT_FALSE(Bitmap::from_words(3, {8}));
  EXPECT_TRUE(Bitmap::from_words(3, {7}));
  EXPECT_TRUE(Bitmap::from_words(0, {}));
}

TEST(Bitmap, EmptyOneHasNoMembers) {
  const Bitmap bitmap;
  EXPECT_EQ(bitmap.find_first(), Bitmap::npos);
  EXPECT_EQ(bitmap.find_last(), Bitmap::npos);
  EXPECT_TRUE(bitmap.none());
  EXPECT_TRUE(bitmap.all());
}

TEST(Bitmap, HashTellsSizesAndMembersApart) {
  EXPECT_EQ(Bitmap(70, {3}).hash(), Bitmap(70, {3}).hash());
  EXPECT_NE(Bitmap(70, {3}).hash(), Bitmap(70, {4}).hash());
  EXPECT_NE(Bitmap(70, {3}).hash(), Bitmap(71, {3}).hash());
}

TEST(BitmapDeathTest, MisuseIsABug) {
  Bitmap bitmap(8);
  EXPECT_DEATH(bitmap.set(8), "bit 8 of a bitmap of 8");
  EXPECT_DEATH(bitmap |= Bitmap(9), "bitmaps of 8 and 9 bits");
}

// All members lie in a part of the words, which follows what is set, added and taken away.
TEST(Bitmap, FindsWhatLiesFarApart) {
  Bitmap set(1000);
  set.set_word(9, 0b101);
  EXPECT_EQ(set.to_ranges(), "576,578");
  set.set_word(15, ~std::uint64_t{0});  // of which only the bits below the size count
  EXPECT_EQ(set.count(), 2U + 40U);
  EXPECT_EQ(set.find_from(0), 576U);
  EXPECT_EQ(set.find_next(578), 960U);
  EXPECT_EQ(set.find_last(), 999U);
  set |= Bitmap(1000, {3});
  EXPECT_EQ(set.find_first(), 3U);
  EXPECT_EQ((set - Bitmap(1000, {3, 576})).first_n(2).to_ranges(), "578,960");
  EXPECT_EQ((set & Bitmap(1000, {3, 4, 999})).to_list(), "3,999");
  EXPECT_TRUE(set.intersects(Bitmap(1000, {578})));
  EXPECT_FALSE(set.intersects(Bitmap(1000, {577})));
  EXPECT_EQ(set.complement().count(), 1000U - set.count());
  set.reset_all();
  EXPECT_EQ(set, Bitmap(1000));
  EXPECT_EQ(set.find_first(), Bitmap::npos);
}

// Of a large one only some words are kept: what it says is the same.
TEST(Bitmap, LargeOnesKeepFewWords) {
  constexpr std::size_t kSize = 5000;
  Bitmap high(kSize);
  for (std::size_t i = kSize; i-- > 4000;) high.set(i);
  Bitmap low(kSize);
  low.set_range(100, 200);
  EXPECT_FALSE(low.test(4999));
  low.reset(4999);
  low.reset_range(150, kSize);
  EXPECT_EQ(low.to_ranges(), "100-149");
  EXPECT_EQ((low | high).count(), 1050U);
  EXPECT_EQ((high | low), (low | high));
  EXPECT_EQ((low & high), Bitmap(kSize));
  EXPECT_EQ(high - low, high);
  EXPECT_TRUE(Bitmap(kSize).is_subset_of(low));
  EXPECT_FALSE(high.is_subset_of(low));
  EXPECT_EQ((low | high).first_n(51).to_ranges(), "100-149,4000");
  EXPECT_EQ((low | high).complement().count(), kSize - 1050);
  EXPECT_EQ((low | high).complement().complement(), low | high);
  EXPECT_EQ(high.count_range(0, 4100), 100U);
  EXPECT_EQ(high.hash(), (high | Bitmap(kSize)).hash());
  EXPECT_EQ(Bitmap::from_words(kSize, high.words()), high);
  EXPECT_EQ(Bitmap::from_words(kSize, high.words())->hash(), high.hash());
  EXPECT_EQ(Bitmap::from_hex(high.to_hex(), kSize), high);
  Bitmap cut = high;
  cut.resize(4001);
  EXPECT_EQ(cut.to_ranges(), "4000");
  cut.resize(300);
  EXPECT_EQ(cut, Bitmap(300));
  cut.resize(kSize);
  cut.set(4999);
  EXPECT_EQ(cut.to_ranges(), "4999");
  Bitmap wide = low;
  wide.resize(200);
  EXPECT_EQ(
      wide, Bitmap(200, {}) | [] {
        Bitmap made(200);
        made.set_range(100, 150);
        return made;
      }());
}

}  // namespace
}  // namespace sluice::base
