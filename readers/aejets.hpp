// Reads files of compressed records (.aejets) that `aefpga compress --scalar --level fast` wrote.
//
// One file, C++17, no dependencies. docs/format.md is the specification; what is read, and what is
// refused, is said at `aejets::File`. Values are those of `aefpga decompress`, bit for bit: all is
// integers, and IEEE operations that round alike everywhere. So no -ffast-math.
//
//     aejets::File file("jets.aejets");
//     for (std::size_t number = 0; number < file.n_chunks(); ++number) {
//         aejets::Chunk jets = file.chunk(number);
//         // jets.values[variable][record], jets.counts[event]: records of each event
//     }
//
// Whatever is wrong with a file is an `aejets::Error` that says what. Nothing is allocated because
// a file says so: sizes are compared first with what that many bytes can hold.

#pragma once

#ifdef __FAST_MATH__
#error "aejets.hpp needs IEEE arithmetic: compile without -ffast-math"
#endif

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <locale>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace aejets {

// The versions of the format that are read.
constexpr unsigned kOldest = 3, kNewest = 4;

struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Variable {
    std::string name, unit, kind;
    // Where values go around a circle, the whole turn.
    std::optional<double> period;
};

// What is said of each event: numbers of the type that they were written with, or text.
using Column = std::variant<std::vector<std::int64_t>, std::vector<std::uint64_t>,
                            std::vector<double>, std::vector<std::string>>;

struct Chunk {
    // Records of each event; those of an event are neighbours.
    std::vector<std::int64_t> counts;
    // By name: run, event, weight, process and the like. Text is UTF-8.
    std::map<std::string, Column> events;
    // Of each variable the values of all records, in the variable's unit.
    std::vector<std::vector<float>> values;
};

namespace detail {

using Bytes = std::vector<std::uint8_t>;

[[noreturn]] inline void fail(const std::string& what) { throw Error(what); }

inline void expect(bool holds, const char* what) {
    if (!holds) fail(what);
}

template <typename Number>
Number little(const std::uint8_t* at) {
    std::uint64_t bits = 0;
    for (std::size_t i = sizeof(Number); i-- > 0;) bits = bits << 8 | at[i];
    if constexpr (std::is_same_v<Number, float>) {
        auto narrow = static_cast<std::uint32_t>(bits);
        float number;
        std::memcpy(&number, &narrow, sizeof number);
        return number;
    } else if constexpr (std::is_same_v<Number, double>) {
        double number;
        std::memcpy(&number, &bits, sizeof number);
        return number;
    } else {
        return static_cast<Number>(bits);
    }
}

// ---- checksums

inline std::uint32_t crc32(const Bytes& data) {
    static const auto table = [] {
        std::array<std::uint32_t, 256> made{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t c = i;
            for (int k = 0; k < 8; ++k) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
            made[i] = c;
        }
        return made;
    }();
    std::uint32_t c = ~0u;
    for (std::uint8_t octet : data) c = table[(c ^ octet) & 0xFF] ^ (c >> 8);
    return ~c;
}

class Sha256 {
   public:
    void add(const std::uint8_t* data, std::size_t size) {
        length_ += size;
        for (std::size_t i = 0; i < size; ++i) {
            block_[filled_++] = data[i];
            if (filled_ == block_.size()) compress();
        }
    }

    // Returns the sum in base 64 (RFC 4648), or in hexadecimal.
    std::string text(bool is_hexadecimal) {
        const std::uint64_t bits = 8 * length_;
        const std::uint8_t one = 0x80, zero = 0;
        add(&one, 1);
        while (filled_ != 56) add(&zero, 1);
        for (int i = 7; i >= 0; --i) {
            const auto octet = static_cast<std::uint8_t>(bits >> (8 * i));
            add(&octet, 1);
        }
        static const char* digits =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        std::string found;
        std::uint64_t held = 0;
        int n = 0;
        for (std::uint32_t word : state_) {
            for (int shift = 28; is_hexadecimal && shift >= 0; shift -= 4)
                found += "0123456789abcdef"[word >> shift & 15];
            held = held << 32 | word;
            for (n += 32; !is_hexadecimal && n >= 6; n -= 6) found += digits[held >> (n - 6) & 63];
        }
        // 256 bits are 42 digits, 4 bits, and a sign that nothing follows.
        return is_hexadecimal ? found : found + digits[held << (6 - n) & 63] + '=';
    }

   private:
    static std::uint32_t turn(std::uint32_t x, int n) { return x >> n | x << (32 - n); }

    void compress() {
        // The first 32 bits behind the point of cube roots of the first primes.
        static const std::uint32_t k[64] = {
            0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
            0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
            0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
            0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
            0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
            0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
            0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
            0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
        };
        std::array<std::uint32_t, 64> w{};
        for (int i = 0; i < 16; ++i)
            for (int j = 0; j < 4; ++j) w[i] = w[i] << 8 | block_[4 * i + j];
        for (int i = 16; i < 64; ++i) {
            const auto a = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3;
            const auto b = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10;
            w[i] = w[i - 16] + a + w[i - 7] + b;
        }
        auto s = state_;
        for (int i = 0; i < 64; ++i) {
            const auto e = turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25);
            const auto chosen = (s[4] & s[5]) ^ (~s[4] & s[6]);
            const auto first = s[7] + e + chosen + k[i] + w[i];
            const auto a = turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22);
            const auto most = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
            s = {first + a + most, s[0], s[1], s[2], s[3] + first, s[4], s[5], s[6]};
        }
        for (int i = 0; i < 8; ++i) state_[i] += s[i];
        filled_ = 0;
    }

    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<std::uint8_t, 64> block_{};
    std::size_t filled_ = 0;
    std::uint64_t length_ = 0;
};

// ---- deflate (RFC 1951) and zlib (RFC 1950)

class Inflating {
   public:
    // Unpacks at most `limit` bytes; `is_complete` says whether the stream ended before.
    Inflating(const std::uint8_t* data, std::size_t size, std::size_t limit)
        : data_(data), size_(size), limit_(limit) {
        bool is_last = false;
        while (!is_last && !is_full_) {
            is_last = bits(1);
            switch (bits(2)) {
                case 0: stored(); break;
                case 1: fixed(); break;
                case 2: dynamic(); break;
                default: fail("a deflated stream is damaged: no such block");
            }
        }
        is_complete = !is_full_;
    }

    Bytes content;
    bool is_complete = false;

    // Bytes that were read.
    std::size_t position() const { return position_; }

   private:
    // Codes by their lengths, and symbols in the order of codes.
    struct Code {
        std::array<int, 16> count{};
        std::vector<int> symbols;

        explicit Code(const std::vector<int>& lengths) : symbols(lengths.size()) {
            std::array<int, 16> next{};
            for (int length : lengths) ++count[length];
            count[0] = 0;
            int left = 1;
            for (int length = 1; length < 16; ++length) {
                left = 2 * left - count[length];
                expect(left >= 0, "a deflated stream is damaged: too many codes");
                next[length] = length > 1 ? next[length - 1] + count[length - 1] : 0;
            }
            for (std::size_t s = 0; s < lengths.size(); ++s)
                if (lengths[s]) symbols[next[lengths[s]]++] = static_cast<int>(s);
        }
    };

    unsigned bits(int n) {
        while (held_ < n) {
            expect(position_ < size_, "a deflated stream is cut off");
            buffer_ |= static_cast<std::uint32_t>(data_[position_++]) << held_;
            held_ += 8;
        }
        const unsigned found = buffer_ & ((1u << n) - 1);
        buffer_ >>= n;
        held_ -= n;
        return found;
    }

    int symbol(const Code& code) {
        int value = 0, first = 0, index = 0;
        for (int length = 1; length < 16; ++length) {
            value |= static_cast<int>(bits(1));
            if (value - first < code.count[length]) return code.symbols[index + value - first];
            index += code.count[length];
            first = (first + code.count[length]) << 1;
            value <<= 1;
        }
        fail("a deflated stream is damaged: no such code");
    }

    void put(std::uint8_t octet) {
        if (content.size() < limit_)
            content.push_back(octet);
        else
            is_full_ = true;
    }

    void stored() {
        buffer_ = 0;
        held_ = 0;
        const unsigned size = bits(16), complement = bits(16);
        expect(size == (~complement & 0xFFFF), "a deflated stream is damaged: a size");
        expect(size <= size_ - position_, "a deflated stream is cut off");
        for (unsigned i = 0; i < size; ++i) put(data_[position_++]);
    }

    void fixed() {
        std::vector<int> lengths(288, 8);
        std::fill(lengths.begin() + 144, lengths.begin() + 256, 9);
        std::fill(lengths.begin() + 256, lengths.begin() + 280, 7);
        block(Code(lengths), Code(std::vector<int>(30, 5)));
    }

    void dynamic() {
        static const int order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
        const std::size_t n_literals = bits(5) + 257, n_distances = bits(5) + 1;
        const unsigned n_lengths = bits(4) + 4;
        expect(n_literals <= 286 && n_distances <= 30, "a deflated stream is damaged: sizes");
        std::vector<int> of_lengths(19, 0), lengths;
        for (unsigned i = 0; i < n_lengths; ++i) of_lengths[order[i]] = static_cast<int>(bits(3));
        const Code code(of_lengths);
        while (lengths.size() < n_literals + n_distances) {
            const int found = symbol(code);
            if (found < 16) {
                lengths.push_back(found);
                continue;
            }
            expect(found != 16 || !lengths.empty(), "a deflated stream is damaged: lengths");
            const int repeated = found == 16 ? lengths.back() : 0;
            const unsigned times = found == 16   ? 3 + bits(2)
                                   : found == 17 ? 3 + bits(3)
                                                 : 11 + bits(7);
            lengths.insert(lengths.end(), times, repeated);
        }
        expect(lengths.size() == n_literals + n_distances, "a deflated stream is damaged: lengths");
        const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(n_literals);
        block(Code({lengths.begin(), middle}), Code({middle, lengths.end()}));
    }

    void block(const Code& literals, const Code& distances) {
        static const int length[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                     31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
        static const int more[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                   2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
        while (!is_full_) {
            const int found = symbol(literals);
            if (found == 256) return;
            if (found < 256) {
                put(static_cast<std::uint8_t>(found));
                continue;
            }
            expect(found <= 285, "a deflated stream is damaged: a length");
            const int times = length[found - 257] + static_cast<int>(bits(more[found - 257]));
            const int place = symbol(distances);
            expect(place < 30, "a deflated stream is damaged: a distance");
            std::size_t distance = static_cast<std::size_t>(place) + 1;
            if (place > 3) {
                const int n = place / 2 - 1;
                distance = (static_cast<std::size_t>(2 + place % 2) << n) + 1 + bits(n);
            }
            expect(distance <= content.size(), "a deflated stream is damaged: a distance");
            for (int i = 0; i < times && !is_full_; ++i) put(content[content.size() - distance]);
        }
    }

    const std::uint8_t* data_;
    std::size_t size_, limit_, position_ = 0;
    std::uint32_t buffer_ = 0;
    int held_ = 0;
    bool is_full_ = false;
};

// Unpacks a zlib stream of at most `limit` bytes.
inline Bytes unzipped(const Bytes& data, std::size_t start, std::size_t size, std::size_t limit) {
    expect(start <= data.size() && size <= data.size() - start, "a zlib stream is cut off");
    expect(size >= 6 && (data[start] & 15) == 8 && (256 * data[start] + data[start + 1]) % 31 == 0 &&
               !(data[start + 1] & 32),
           "a zlib stream is damaged: its start");
    Inflating stream(data.data() + start + 2, size - 2, limit);
    expect(stream.is_complete, "a zlib stream holds more than was expected");
    const std::size_t end = start + 2 + stream.position();
    expect(end + 4 <= start + size, "a zlib stream is cut off");
    std::uint32_t a = 1, b = 0;
    for (std::uint8_t octet : stream.content) {
        a = (a + octet) % 65521;
        b = (b + a) % 65521;
    }
    const std::uint8_t* sum = &data[end];
    const std::uint32_t said = std::uint32_t{sum[0]} << 24 | sum[1] << 16 | sum[2] << 8 | sum[3];
    expect(said == (b << 16 | a), "a zlib stream is damaged (checksum)");
    return std::move(stream.content);
}

// ---- ZIP archives (APPNOTE 6.3), of a file or of bytes

class Zip {
   public:
    using Read = std::function<void(std::uint64_t, std::uint8_t*, std::size_t)>;

    // The archive ends with a comment of so many bytes.
    Zip(Read read, std::uint64_t size, std::uint64_t comment) : read_(std::move(read)), size_(size) {
        expect(size >= 22 + comment, "it is no archive, or cut off");
        const Bytes end = bytes(size - 22 - comment, 22);
        expect(little<std::uint32_t>(&end[0]) == 0x06054b50 &&
                   little<std::uint16_t>(&end[20]) == comment,
               "its end is missing");
        const unsigned n = little<std::uint16_t>(&end[10]);
        const std::uint64_t length = little<std::uint32_t>(&end[12]);
        const std::uint64_t start = little<std::uint32_t>(&end[16]);
        expect(start <= size && length <= size - start, "its directory is damaged");
        const Bytes directory = bytes(start, length);
        std::size_t at = 0;
        for (unsigned i = 0; i < n; ++i) {
            expect(directory.size() - at >= 46 && little<std::uint32_t>(&directory[at]) == 0x02014b50,
                   "its directory is damaged");
            const std::size_t name = little<std::uint16_t>(&directory[at + 28]);
            const std::size_t rest = name + little<std::uint16_t>(&directory[at + 30]) +
                                     little<std::uint16_t>(&directory[at + 32]);
            expect(directory.size() - at - 46 >= rest, "its directory is damaged");
            const Entry entry{little<std::uint32_t>(&directory[at + 42]),
                              little<std::uint32_t>(&directory[at + 20]),
                              little<std::uint32_t>(&directory[at + 16]),
                              little<std::uint16_t>(&directory[at + 10])};
            const auto* text = reinterpret_cast<const char*>(directory.data()) + at + 46;
            expect(entries_.emplace(std::string(text, name), entry).second, "a name is there twice");
            at += 46 + rest;
        }
    }

    bool holds(const std::string& name) const { return entries_.count(name) > 0; }

    std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (const auto& [name, entry] : entries_) found.push_back(name);
        return found;
    }

    // Returns a member of at most `limit` bytes, compared with its checksum.
    Bytes member(const std::string& name, std::size_t limit) const {
        const auto found = entries_.find(name);
        if (found == entries_.end()) fail("there is no " + name + ": it is damaged or incomplete");
        const Entry& entry = found->second;
        const std::string damaged = name + " is damaged";
        if (entry.place > size_ || size_ - entry.place < 30) fail(damaged);
        const Bytes local = bytes(entry.place, 30);
        const std::uint64_t start = entry.place + 30 + little<std::uint16_t>(&local[26]) +
                                    little<std::uint16_t>(&local[28]);
        const bool is_inside = start <= size_ && entry.size <= size_ - start;
        if (!is_inside || little<std::uint32_t>(&local[0]) != 0x04034b50) fail(damaged);
        if (entry.method != 0 && entry.method != 8) fail(damaged + " (method)");
        if (entry.method == 0 && entry.size > limit) fail(damaged + " (size)");
        Bytes content = bytes(start, entry.size);
        if (entry.method == 8) {
            Inflating stream(content.data(), content.size(), limit);
            if (!stream.is_complete) fail(damaged + " (size)");
            content = std::move(stream.content);
        }
        if (crc32(content) != entry.crc) fail(damaged + " (checksum)");
        return content;
    }

   private:
    struct Entry {
        std::uint64_t place, size;
        std::uint32_t crc;
        unsigned method;
    };

    Bytes bytes(std::uint64_t start, std::uint64_t size) const {
        Bytes found(static_cast<std::size_t>(size));
        if (size) read_(start, found.data(), found.size());
        return found;
    }

    Read read_;
    std::uint64_t size_;
    std::map<std::string, Entry> entries_;
};

// ---- JSON (RFC 8259)

struct Json {
    using List = std::vector<Json>;
    using Object = std::map<std::string, Json>;
    std::variant<std::nullptr_t, bool, double, std::string, List, Object> value = nullptr;

    template <typename Kind>
    const Kind& as(const char* what) const {
        const Kind* found = std::get_if<Kind>(&value);
        if (!found) fail(std::string("JSON is damaged: ") + what + " is missing or of another type");
        return *found;
    }

    bool is_null() const { return std::holds_alternative<std::nullptr_t>(value); }

    // Returns what is under a key; null where nothing is.
    const Json& operator[](const char* key) const {
        static const Json nothing;
        const auto& object = as<Object>(key);
        const auto found = object.find(key);
        return found == object.end() ? nothing : found->second;
    }

    std::string text(const char* key) const { return (*this)[key].as<std::string>(key); }

    std::string text_or_none(const char* key) const {
        return (*this)[key].is_null() ? std::string() : text(key);
    }

    std::vector<std::string> texts(const char* key) const {
        std::vector<std::string> found;
        if ((*this)[key].is_null()) return found;
        for (const Json& one : (*this)[key].as<List>(key))
            found.push_back(one.as<std::string>(key));
        return found;
    }

    std::uint64_t count(const char* key) const {
        const double number = (*this)[key].as<double>(key);
        if (!(number >= 0 && number < 9007199254740992.0) || number != std::floor(number))
            fail(std::string("JSON is damaged: ") + key + " is no number of things");
        return static_cast<std::uint64_t>(number);
    }
};

class Parser {
   public:
    explicit Parser(const Bytes& data) : at_(data.data()), end_(data.data() + data.size()) {}

    Json document() {
        Json found = value(0);
        space();
        expect(at_ == end_, "JSON is damaged: it goes on");
        return found;
    }

   private:
    static constexpr int kDepth = 64;

    void space() {
        while (at_ < end_ && std::strchr(" \t\r\n", *at_) && *at_) ++at_;
    }

    bool take(char c) {
        space();
        if (at_ == end_ || *at_ != static_cast<std::uint8_t>(c)) return false;
        ++at_;
        return true;
    }

    void word(const char* rest) {
        for (; *rest; ++rest) expect(at_ < end_ && *at_++ == static_cast<std::uint8_t>(*rest), kBad);
    }

    Json value(int depth) {
        expect(depth < kDepth, "JSON is damaged: it is too deep");
        if (take('{')) {
            Json::Object object;
            if (take('}')) return {object};
            do {
                expect(take('"'), kBad);
                std::string key = string();
                expect(take(':'), kBad);
                object.insert_or_assign(std::move(key), value(depth + 1));
            } while (take(','));
            expect(take('}'), kBad);
            return {std::move(object)};
        }
        if (take('[')) {
            Json::List list;
            if (take(']')) return {list};
            do list.push_back(value(depth + 1));
            while (take(','));
            expect(take(']'), kBad);
            return {std::move(list)};
        }
        if (take('"')) return {string()};
        if (take('t')) return word("rue"), Json{true};
        if (take('f')) return word("alse"), Json{false};
        if (take('n')) return word("ull"), Json{nullptr};
        return {number()};
    }

    double number() {
        std::string text;
        while (at_ < end_ && std::strchr("+-.eE0123456789", *at_) && *at_) text += static_cast<char>(*at_++);
        std::istringstream stream(text);
        stream.imbue(std::locale::classic());
        double found = 0;
        stream >> found;
        expect(!stream.fail() && stream.peek() == EOF && std::isfinite(found), kBad);
        return found;
    }

    std::string string() {
        std::string found;
        for (;;) {
            expect(at_ < end_, kBad);
            const std::uint8_t c = *at_++;
            if (c == '"') return found;
            if (c != '\\') {
                found += static_cast<char>(c);
                continue;
            }
            expect(at_ < end_, kBad);
            const char escaped = static_cast<char>(*at_++);
            if (escaped == 'u') {
                std::uint32_t point = unit();
                if (point >> 10 == 0x36) {
                    word("\\u");
                    const std::uint32_t low = unit();
                    expect(low >> 10 == 0x37, kBad);
                    point = 0x10000 + ((point & 0x3FF) << 10 | (low & 0x3FF));
                }
                append(found, point);
                continue;
            }
            const char* place = std::strchr("\"\"\\\\//b\bf\fn\nr\rt\t", escaped);
            expect(escaped && place, kBad);
            found += std::strchr("\"\\/", escaped) ? escaped : place[1];
        }
    }

    std::uint32_t unit() {
        std::uint32_t found = 0;
        for (int i = 0; i < 4; ++i) {
            expect(at_ < end_ && std::isxdigit(*at_), kBad);
            const int c = *at_++;
            found = found << 4 | static_cast<std::uint32_t>(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
        }
        return found;
    }

   public:
    // Appends a code point in UTF-8.
    static void append(std::string& text, std::uint32_t point) {
        expect(point < 0x110000 && point >> 11 != 0x1B, "a text is damaged: no such character");
        if (point < 0x80) {
            text += static_cast<char>(point);
            return;
        }
        const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
        text += static_cast<char>((0xFF80 >> more & 0xFF) | point >> (6 * more));
        for (int i = more; i-- > 0;) text += static_cast<char>(0x80 | (point >> (6 * i) & 0x3F));
    }

   private:
    static constexpr const char* kBad = "JSON is damaged";
    const std::uint8_t *at_, *end_;
};

// ---- columns of events: NumPy's .npy

constexpr std::int64_t kMostRecords = 1 << 20;
// Numbers of a table that are believed in, and twice as many as it has bytes.
constexpr std::size_t kMostCells = 1 << 22;

struct Array {
    std::string type;
    std::size_t size = 0, width = 0;
    Bytes data;

    explicit Array(const Bytes& content) {
        static const char* damaged = "a column of events is damaged";
        expect(content.size() >= 10 && std::memcmp(content.data(), "\x93NUMPY", 6) == 0, damaged);
        const bool is_first = content[6] == 1;
        const std::size_t start = is_first ? 10 : 12;
        expect(content.size() >= start, damaged);
        const std::size_t length = is_first ? little<std::uint16_t>(&content[8])
                                            : little<std::uint32_t>(&content[8]);
        expect(length <= content.size() - start, damaged);
        const std::string said(content.begin() + static_cast<std::ptrdiff_t>(start),
                               content.begin() + static_cast<std::ptrdiff_t>(start + length));
        type = between(said, "'descr': '", "'");
        const std::string shape = between(said, "'shape': (", ")");
        const std::size_t comma = shape.find(',');
        expect(comma != std::string::npos && comma + 1 == shape.size() && comma > 0 && comma < 10 &&
                   shape.find_first_not_of("0123456789") == comma,
               "a column of events is damaged: a row of numbers was expected");
        size = std::stoul(shape.substr(0, comma));
        expect(type.size() >= 3 && type.size() < 10 &&
                   type.find_first_not_of("0123456789", 2) == std::string::npos,
               damaged);
        width = std::stoul(type.substr(2)) * (type[1] == 'U' ? 4 : 1);
        data.assign(content.begin() + static_cast<std::ptrdiff_t>(start + length), content.end());
        const bool is_known = type[0] == '<' ? type.find_first_of("iufU") == 1
                                             : type[0] == '|' && type.find_first_of("iub") == 1;
        const bool has_width = width == 1 || width == 2 || width == 4 || width == 8;
        expect(is_known && width && (type[1] == 'U' || has_width),
               "a column of events is damaged: its type");
        expect(size <= data.size() / width, damaged);
    }

    // Numbers of a type as NumPy calls it; see `kTypes`.
    Array(const std::string& kind, std::size_t n, Bytes bytes)
        : type(kind), size(n), width(kind[2] - '0'), data(std::move(bytes)) {}

    template <typename Number>
    Number at(std::size_t i) const {
        const std::uint8_t* place = &data[i * width];
        if (type[1] == 'f') {
            expect(width >= 4, "a column of events is damaged: its type");
            return static_cast<Number>(width == 4 ? little<float>(place) : little<double>(place));
        }
        std::uint64_t bits = 0;
        for (std::size_t k = width; k-- > 0;) bits = bits << 8 | place[k];
        if (type[1] == 'i' && width < 8 && bits >> (8 * width - 1))
            bits |= ~std::uint64_t{0} << (8 * width);
        return static_cast<Number>(bits);
    }

    std::string text(std::size_t i) const {
        std::size_t length = width / 4;
        while (length && !little<std::uint32_t>(&data[i * width + 4 * (length - 1)])) --length;
        std::string found;
        for (std::size_t k = 0; k < length; ++k)
            Parser::append(found, little<std::uint32_t>(&data[i * width + 4 * k]));
        return found;
    }

    Column column() const {
        switch (type[1]) {
            case 'U': {
                std::vector<std::string> found(size);
                for (std::size_t i = 0; i < size; ++i) found[i] = text(i);
                return found;
            }
            case 'f': return numbers<double>();
            case 'i': return numbers<std::int64_t>();
            default: return numbers<std::uint64_t>();
        }
    }

   private:
    template <typename Number>
    std::vector<Number> numbers() const {
        std::vector<Number> found(size);
        for (std::size_t i = 0; i < size; ++i) found[i] = at<Number>(i);
        return found;
    }

    static std::string between(const std::string& text, const char* before, const char* after) {
        const std::size_t start = text.find(before);
        expect(start != std::string::npos, "a column of events is damaged: its description");
        const std::size_t from = start + std::strlen(before), to = text.find(after, from);
        expect(to != std::string::npos, "a column of events is damaged: its description");
        return text.substr(from, to - from);
    }
};

// ---- records: variables, and which depend on which

struct Object {
    std::string kind;
    // pt first.
    std::vector<std::string> names;
};

struct Schema {
    std::string name;
    std::vector<Variable> variables;
    std::vector<std::pair<std::string, std::vector<std::string>>> sums;
    // Energies and the numbers of their particles.
    std::vector<std::pair<std::string, std::string>> classes;
    std::vector<Object> objects;

    std::optional<std::size_t> find(const std::string& wanted) const {
        for (std::size_t j = 0; j < variables.size(); ++j)
            if (variables[j].name == wanted) return j;
        return std::nullopt;
    }

    std::size_t column(const std::string& wanted) const {
        const auto found = find(wanted);
        if (!found) fail("the " + name + " have no variable " + wanted);
        return *found;
    }

    Schema select(const std::vector<std::string>& names) const {
        Schema found = *this;
        found.variables.clear();
        for (const std::string& wanted : names) found.variables.push_back(variables[column(wanted)]);
        return found;
    }
};

constexpr double kTurn = 6.283185307179586;

inline Schema jets() {
    Schema s{"jets", {}, {}, {}, {}};
    const auto add = [&](const std::string& name, const char* unit, const char* kind) {
        s.variables.push_back({name, unit, kind, std::nullopt});
    };
    add("pt", "GeV", "momentum");
    add("eta", "", "angle");
    s.variables.push_back({"phi", "rad", "angle", kTurn});
    add("mass", "GeV", "momentum");
    for (const char* axis : {"x", "y", "z"}) add(std::string("vertex_") + axis, "cm", "position");
    add("area", "", "area");
    add("pileup_energy", "GeV", "energy");
    const std::vector<std::string> particles = {"charged_hadron", "neutral_hadron", "photon",
                                                "electron",       "muon",           "hf_hadron",
                                                "hf_em"};
    for (const auto& one : particles) add(one + "_energy", "GeV", "energy");
    for (const auto& one : particles) add(one + "_multiplicity", "", "multiplicity");
    for (const char* one : {"charged_em", "charged_mu", "neutral_em"})
        add(std::string(one) + "_energy", "GeV", "energy");
    for (const char* one : {"charged", "neutral"})
        add(std::string(one) + "_multiplicity", "", "multiplicity");
    s.sums = {{"charged_em_energy", {"electron_energy"}},
              {"charged_mu_energy", {"muon_energy"}},
              {"neutral_em_energy", {"photon_energy", "hf_em_energy"}},
              {"charged_multiplicity",
               {"charged_hadron_multiplicity", "electron_multiplicity", "muon_multiplicity"}},
              {"neutral_multiplicity",
               {"neutral_hadron_multiplicity", "photon_multiplicity", "hf_hadron_multiplicity",
                "hf_em_multiplicity"}}};
    for (const auto& one : particles) s.classes.emplace_back(one + "_energy", one + "_multiplicity");
    return s;
}

inline Schema events() {
    Schema s{"events", {}, {}, {}, {}};
    const std::pair<const char*, int> kinds[] = {{"met", 1}, {"e", 8}, {"mu", 8}, {"g", 8}, {"j", 16}};
    for (const auto& [kind, most] : kinds)
        for (int rank = 1; rank <= most; ++rank) {
            const std::string one = most == 1 ? kind : kind + std::to_string(rank);
            s.variables.push_back({one + "_pt", "GeV", "momentum", std::nullopt});
            s.variables.push_back({one + "_eta", "", "angle", std::nullopt});
            s.variables.push_back({one + "_phi", "rad", "angle", kTurn});
            s.objects.push_back({kind, {one + "_pt", one + "_eta", one + "_phi"}});
        }
    return s;
}

// Cells and their sum: one row of them, or several.
inline Schema grid(const std::string& name, const std::string& cell, const char* total,
                   const char* unit, int rows, int columns) {
    Schema s{name, {}, {}, {}, {}};
    std::vector<std::string> cells;
    for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j) {
            const std::string row = rows > 1 ? std::to_string(i) + "_" : "";
            cells.push_back(cell + "_" + row + std::to_string(j));
            s.variables.push_back({cells.back(), unit, "charge", std::nullopt});
        }
    s.variables.push_back({total, unit, "charge", std::nullopt});
    s.sums = {{total, cells}};
    return s;
}

// Returns a record that files know by its name alone.
inline Schema standard(const std::string& name) {
    if (name == "jets") return jets();
    if (name == "events") return events();
    if (name == "cells") return grid(name, "cell", "charge", "", 1, 48);
    if (name == "regions") return grid(name, "region", "energy", "GeV", 18, 14);
    if (name == "images") return grid(name, "pixel", "energy", "GeV", 16, 16);
    fail("its record, " + name + ", is none that this reader knows by name");
}

inline Schema read_schema(const Json& said) {
    if (!said["without"].is_null()) {
        const Schema whole = standard(said.text("name"));
        const std::vector<std::string> without = said.texts("without");
        std::vector<std::string> names;
        for (const Variable& v : whole.variables)
            if (std::find(without.begin(), without.end(), v.name) == without.end())
                names.push_back(v.name);
        expect(!names.empty(), "JSON is damaged: its variables");
        return whole.select(names);
    }
    const Json::List& variables = said["variables"].as<Json::List>("variables");
    expect(!variables.empty() && variables.size() <= 4096, "JSON is damaged: its variables");
    if (std::holds_alternative<std::string>(variables[0].value))
        return standard(said.text("name")).select(said.texts("variables"));
    Schema s{said.text("name"), {}, {}, {}, {}};
    for (const Json& one : variables) {
        Variable v{one.text("name"), one.text_or_none("unit"), one.text("kind"), std::nullopt};
        if (const Json& period = one["period"]; !period.is_null()) {
            v.period = period.as<double>("period");
            expect(*v.period > 0, "JSON is damaged: a period");
        }
        s.variables.push_back(v);
    }
    if (const Json& sums = said["sums"]; !sums.is_null())
        for (const auto& [total, terms] : sums.as<Json::Object>("sums"))
            s.sums.emplace_back(total, sums.texts(total.c_str()));
    if (const Json& classes = said["classes"]; !classes.is_null())
        for (const Json& one : classes.as<Json::List>("classes"))
            s.classes.emplace_back(one.text("energy"), one.text("count"));
    if (const Json& objects = said["objects"]; !objects.is_null())
        for (const Json& one : objects.as<Json::List>("objects")) {
            Object object{one.text_or_none("kind"), {one.text("pt")}};
            for (const std::string& name : one.texts("rest")) object.names.push_back(name);
            s.objects.push_back(object);
        }
    return s;
}

struct Gate {
    std::size_t column;
    // The other column is the pt of the next object: smaller.
    bool is_descending;
};

inline std::vector<std::optional<Gate>> gates_of(const Schema& schema) {
    std::vector<std::optional<Gate>> found(schema.variables.size());
    for (const auto& [energy, number] : schema.classes) {
        const auto of = schema.find(energy), by = schema.find(number);
        if (of && by) found[*of] = Gate{*by, false};
    }
    std::map<std::string, std::size_t> last;
    for (const Object& one : schema.objects) {
        const auto pt = schema.find(one.names[0]);
        if (!pt) continue;
        if (const auto before = last.find(one.kind); before != last.end())
            found[*pt] = Gate{before->second, true};
        if (!one.kind.empty()) last[one.kind] = *pt;
        for (std::size_t i = 1; i < one.names.size(); ++i)
            if (const auto other = schema.find(one.names[i])) found[*other] = Gate{*pt, false};
    }
    return found;
}

// Groups of columns that may share histograms; the pt of a kind's first object is alone.
inline std::vector<std::vector<std::size_t>> groups_of(const Schema& schema) {
    std::vector<std::pair<std::pair<std::string, std::size_t>, std::vector<std::size_t>>> like;
    const auto at = [&](const std::pair<std::string, std::size_t>& key) {
        return std::find_if(like.begin(), like.end(), [&](const auto& g) { return g.first == key; });
    };
    std::set<std::size_t> grouped;
    for (const Object& one : schema.objects) {
        if (one.kind.empty() || !schema.find(one.names[0])) continue;
        for (std::size_t place = 0; place < one.names.size(); ++place) {
            const bool is_first = !place && at({one.kind, 1}) == like.end();
            const auto column = schema.find(one.names[place]);
            if (!column || is_first) continue;
            auto group = at({one.kind, place});
            if (group == like.end())
                group = like.insert(like.end(), {{one.kind, place}, {}});
            group->second.push_back(*column);
            grouped.insert(*column);
        }
    }
    std::vector<std::vector<std::size_t>> found;
    for (std::size_t j = 0; j < schema.variables.size(); ++j)
        if (!grouped.count(j)) found.push_back({j});
    for (auto& group : like) found.push_back(std::move(group.second));
    return found;
}

// All columns, each after its gate.
inline std::vector<std::size_t> gates_first(const std::vector<std::optional<Gate>>& gates) {
    std::vector<std::size_t> order;
    std::vector<bool> is_there(gates.size()), is_begun(gates.size());
    for (std::size_t column = 0; column < gates.size(); ++column) {
        std::vector<std::size_t> chain;
        for (std::optional<std::size_t> next = column; next && !is_there[*next];) {
            expect(!is_begun[*next], "JSON is damaged: variables depend on each other in a circle");
            is_begun[*next] = true;
            chain.push_back(*next);
            next = gates[*next] ? std::optional(gates[*next]->column) : std::nullopt;
        }
        for (; !chain.empty(); chain.pop_back()) {
            is_there[chain.back()] = true;
            order.push_back(chain.back());
        }
    }
    return order;
}

// ---- entropy coding: range asymmetric numeral systems (J. Duda, arXiv:1311.2540)

constexpr int kPrecision = 14, kSymbolBits = 12;
constexpr std::uint32_t kSlots = 1u << kPrecision, kLowest = 1u << 16;
constexpr std::int64_t kMaxSymbol = (1 << kSymbolBits) - 1;

// The slots of each symbol, of counts that are frequent alike within bins of 2^coarseness.
class Histogram {
   public:
    Histogram(const std::vector<std::uint32_t>& numbers, std::size_t& at) {
        static const char* damaged = "a table is damaged: a histogram";
        expect(numbers.size() - at >= 2, damaged);
        const std::uint32_t coarseness = numbers[at], size = numbers[at + 1];
        at += 2;
        expect(coarseness <= 8 && size >= 1 && size <= 2 + (kMaxSymbol >> coarseness) &&
                   numbers.size() - at >= size,
               damaged);
        std::vector<std::int64_t> counts{static_cast<std::int64_t>(numbers[at]) << coarseness};
        std::int64_t before = numbers[at];
        for (std::size_t i = 1; i < size; ++i) {
            counts.insert(counts.end(), std::size_t{1} << coarseness, numbers[at + i]);
            before += numbers[at + i];
        }
        at += size;
        expect(before >= 1 && before <= kMostRecords * static_cast<std::int64_t>(size), damaged);
        const std::int64_t sum = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
        const auto present = std::count_if(counts.begin(), counts.end(), [](auto c) { return c > 0; });
        std::int64_t left = kSlots;
        for (std::int64_t& c : counts) {
            c = c * (kSlots - present) / sum + (c > 0);
            left -= c;
        }
        *std::max_element(counts.begin(), counts.end()) += left;
        first_.reserve(counts.size() + 1);
        for (std::int64_t c : counts) {
            if (c == kSlots) only_ = static_cast<std::uint32_t>(first_.size());
            first_.push_back(static_cast<std::uint32_t>(kSlots - left_));
            symbols_.insert(symbols_.end(), static_cast<std::size_t>(c),
                            static_cast<std::uint16_t>(first_.size() - 1));
            left_ -= c;
        }
        first_.push_back(kSlots);
    }

    // The symbol that has all slots, where one has: nothing is coded of it.
    const std::optional<std::uint32_t>& only() const { return only_; }
    std::uint32_t symbol(std::uint32_t slot) const { return symbols_[slot]; }
    std::uint32_t first(std::uint32_t symbol) const { return first_[symbol]; }
    std::uint32_t frequency(std::uint32_t symbol) const { return first_[symbol + 1] - first_[symbol]; }

   private:
    std::optional<std::uint32_t> only_;
    std::vector<std::uint32_t> first_;
    std::vector<std::uint16_t> symbols_;
    std::int64_t left_ = kSlots;
};

class Stream {
   public:
    Stream(const Bytes& data, std::size_t start, std::size_t n) : data_(data) {
        const std::size_t lanes = std::clamp<std::size_t>(n / 256, 1, 256);
        const bool fits = start <= data.size() && data.size() - start >= 4 * lanes;
        expect(fits && (data.size() - start) % 2 == 0, "a table is damaged: it is too short");
        for (std::size_t i = 0; i < lanes; ++i)
            states_.push_back(little<std::uint32_t>(&data[start + 4 * i]));
        position_ = start + 4 * lanes;
    }

    void take(const Histogram& histogram, std::size_t n, std::vector<std::uint16_t>& symbols) {
        symbols.assign(n, static_cast<std::uint16_t>(histogram.only().value_or(0)));
        if (histogram.only()) return;
        std::size_t lane = 0;
        for (std::size_t i = 0; i < n; ++i) {
            std::uint32_t& x = states_[lane];
            const std::uint32_t slot = x & (kSlots - 1), symbol = histogram.symbol(slot);
            x = histogram.frequency(symbol) * (x >> kPrecision) + slot - histogram.first(symbol);
            if (x < kLowest) {
                expect(data_.size() - position_ >= 2, "a table is damaged: it is too short");
                x = x << 16 | little<std::uint16_t>(&data_[position_]);
                position_ += 2;
            }
            symbols[i] = static_cast<std::uint16_t>(symbol);
            if (++lane == states_.size()) lane = 0;
        }
    }

    void close() const {
        const bool is_over = std::all_of(states_.begin(), states_.end(),
                                         [](std::uint32_t x) { return x == kLowest; });
        expect(is_over && position_ == data_.size(),
               "a table is damaged: it does not end where it should");
    }

   private:
    const Bytes& data_;
    std::vector<std::uint32_t> states_;
    std::size_t position_;
};

inline std::int64_t with_sign(std::int64_t coded) { return (coded >> 1) ^ -(coded & 1); }

using Steps = std::vector<std::vector<std::int64_t>>;

// Returns the integers of a table, column by column.
inline Steps read_steps(const Bytes& data, const Schema& schema, std::size_t n) {
    const std::size_t width = schema.variables.size();
    expect(data.size() >= 8, "a table is damaged: it is too short");
    expect(little<std::uint32_t>(&data[0]) == n, "a table is damaged: it has other rows");
    const std::size_t packed = little<std::uint32_t>(&data[4]);
    const auto groups = groups_of(schema);
    const std::size_t limit = 4 * (width + groups.size() + 2 * width * (kMaxSymbol + 4));
    const Bytes octets = unzipped(data, 8, packed, limit);
    expect(octets.size() % 4 == 0, "a table is damaged: its histograms");
    // All lowest bytes of numbers first, then the second ones, and so on.
    const std::size_t n_numbers = octets.size() / 4;
    std::vector<std::uint32_t> numbers(n_numbers);
    for (std::size_t i = 0; i < octets.size(); ++i)
        numbers[i % n_numbers] |= std::uint32_t{octets[i]} << (8 * (i / n_numbers));
    expect(n_numbers >= width, "a table is damaged: its histograms");
    std::size_t at = width;
    std::vector<std::pair<Histogram, Histogram>> histograms;
    std::vector<std::size_t> of_column(width);
    for (const auto& group : groups) {
        expect(at < n_numbers, "a table is damaged: its histograms");
        const std::size_t size = numbers[at++];
        expect(size == 1 || size == group.size(), "a table is damaged: its histograms");
        for (std::size_t i = 0; i < group.size(); ++i) {
            if (i < size) {
                Histogram high(numbers, at), low(numbers, at);
                histograms.emplace_back(std::move(high), std::move(low));
            }
            of_column[group[i]] = histograms.size() - 1;
        }
    }
    Stream stream(data, 8 + packed, n);
    Steps table(width);
    std::vector<std::uint16_t> high, low;
    const auto gates = gates_of(schema);
    for (std::size_t j : gates_first(gates)) {
        const Gate* gate = gates[j] && numbers[j] ? &*gates[j] : nullptr;
        const std::vector<std::int64_t>* by = gate ? &table[gate->column] : nullptr;
        const auto absent = by ? std::count(by->begin(), by->end(), 0) : 0;
        const std::size_t n_coded = n - static_cast<std::size_t>(absent);
        stream.take(histograms[of_column[j]].first, n_coded, high);
        stream.take(histograms[of_column[j]].second, n_coded, low);
        table[j].assign(n, 0);
        std::size_t i = 0;
        for (std::size_t row = 0; row < n; ++row) {
            if (by && !(*by)[row]) continue;
            const std::int64_t coded = (std::int64_t{high[i]} << kSymbolBits) + low[i];
            ++i;
            table[j][row] = !gate || !gate->is_descending ? with_sign(coded)
                            : coded ? (*by)[row] - with_sign(coded - 1)
                                    : 0;
        }
    }
    stream.close();
    return table;
}

// ---- what is said of events

// Returns columns of a NumPy archive in a zlib stream.
inline std::map<std::string, Column> saved_columns(const Bytes& packed, std::size_t limit) {
    const Bytes content = unzipped(packed, 0, packed.size(), limit);
    const auto reading = [&](std::uint64_t at, std::uint8_t* into, std::size_t size) {
        std::memcpy(into, &content[static_cast<std::size_t>(at)], size);
    };
    const Zip arrays(reading, content.size(), 0);
    std::map<std::string, Column> found;
    for (const std::string& name : arrays.names()) {
        expect(name.size() > 4, "a column of events is unknown");
        const Bytes bytes = arrays.member(name, limit);
        limit -= bytes.size();
        found.emplace(name.substr(0, name.size() - 4), Array(bytes).column());
    }
    return found;
}

// Returns texts at their places in a list.
inline Column texts_at(const Json& list, const std::vector<std::int64_t>& places, std::size_t limit) {
    std::vector<std::string> texts, found;
    for (const Json& one : list.as<Json::List>("texts")) {
        texts.push_back(one.as<std::string>("a text"));
        while (!texts.back().empty() && texts.back().back() == '\0') texts.back().pop_back();
    }
    for (const std::int64_t place : places) {
        expect(place >= 0 && static_cast<std::size_t>(place) < texts.size(),
               "a column of events is damaged: there is no such text");
        found.push_back(texts[static_cast<std::size_t>(place)]);
        expect(found.back().size() <= limit, "a column of events is damaged: texts are too long");
        limit -= found.back().size();
    }
    return found;
}

// Returns numbers that follow from steps: above `start`, or each above the one before.
inline Column numbers_of(const std::string& type, const std::vector<std::int64_t>& steps,
                         const std::string& start, bool are_sums) {
    std::istringstream stream(start);
    stream.imbue(std::locale::classic());
    std::int64_t first = 0;
    stream >> first;
    expect(!stream.fail() && stream.peek() == EOF, "a column of events is damaged: its start");
    Bytes bytes;
    auto sum = static_cast<std::uint64_t>(first);
    for (const std::int64_t step : steps) {
        // Unsigned, so that what is too large is cut as NumPy does.
        const std::uint64_t number = sum + static_cast<std::uint64_t>(step);
        if (are_sums) sum = number;
        if (type[1] == 'b') {
            bytes.push_back(number != 0);
            continue;
        }
        expect(type[1] != 'f', "a column of events is damaged: its type");
        for (int k = 0; k < type[2] - '0'; ++k)
            bytes.push_back(static_cast<std::uint8_t>(number >> (8 * k)));
    }
    return Array(type, steps.size(), std::move(bytes)).column();
}

// Returns columns of events that are coded as steps, or kept byte by byte.
inline std::map<std::string, Column> coded_columns(const Bytes& packed, std::size_t limit) {
    static const char* damaged = "a column of events is damaged: its description";
    static const std::map<std::string, std::string> types = {
        {"bool", "|b1"},   {"int8", "|i1"},   {"int16", "<i2"},  {"int32", "<i4"},
        {"int64", "<i8"},  {"uint8", "|u1"},  {"uint16", "<u2"}, {"uint32", "<u4"},
        {"uint64", "<u8"}, {"float32", "<f4"}, {"float64", "<f8"}};
    expect(packed.size() >= 9, "its events are damaged: they are cut off");
    const std::size_t n = little<std::uint32_t>(&packed[1]), size = little<std::uint32_t>(&packed[5]);
    const Bytes content = unzipped(packed, 9, size, limit);
    const auto end = std::find(content.begin(), content.end(), '\n');
    expect(end != content.end(), damaged);
    const Json said = Parser(Bytes(content.begin(), end)).document();
    const auto& columns = said.as<Json::List>("columns");
    const auto how_of = [](const Json& one) {
        const auto& entry = one.as<Json::List>("a column");
        expect(entry.size() >= 3, damaged);
        return entry[2].as<std::string>("how");
    };
    Schema plain;
    for (const Json& one : columns)
        if (how_of(one) != "bytes") plain.variables.emplace_back();
    const std::size_t width = plain.variables.size();
    expect(n <= (std::size_t{1} << 32) / (width + 1) && n * width <= kMostCells + 2 * packed.size(),
           "it claims more than a chunk can hold");
    Steps steps;
    if (width) {
        const auto start = packed.begin() + static_cast<std::ptrdiff_t>(9 + size);
        steps = read_steps(Bytes(start, packed.end()), plain, n);
    }
    std::map<std::string, Column> found;
    std::size_t coded = 0;
    auto raw = static_cast<std::size_t>(end - content.begin()) + 1;
    for (const Json& one : columns) {
        const auto& entry = one.as<Json::List>("a column");
        const std::string name = entry[0].as<std::string>("name"), how = how_of(one);
        const auto type = types.find(entry[1].as<std::string>("type"));
        expect(entry.size() == (how == "bytes" ? 3 : 4) && !found.count(name), damaged);
        if (how == "texts") {
            found.emplace(name, texts_at(entry[3], steps[coded++], limit));
            continue;
        }
        expect(type != types.end() && (how == "bytes" || how == "sums" || how == "offsets"), damaged);
        if (how != "bytes") {
            const std::string& first = entry[3].as<std::string>("start");
            found.emplace(name, numbers_of(type->second, steps[coded++], first, how == "sums"));
            continue;
        }
        const auto octets = static_cast<std::size_t>(type->second[2] - '0');
        expect(n <= (content.size() - raw) / octets, damaged);
        Bytes bytes(n * octets);
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t k = 0; k < octets; ++k) bytes[i * octets + k] = content[raw + k * n + i];
        raw += n * octets;
        found.emplace(name, Array(type->second, n, std::move(bytes)).column());
    }
    expect(raw == content.size(), damaged);
    return found;
}

// ---- values of steps

// Of each kind of variable, where one relative error is said of all: whether its bound is relative, and
// what that error is multiplied by to be the absolute one.
inline const std::map<std::string, std::pair<double, double>>& usual_bounds() {
    static const std::map<std::string, std::pair<double, double>> found = {
        {"momentum", {1, 1}},   {"energy", {1, 1}}, {"angle", {0, 1.5}},     {"position", {0, 1}},
        {"area", {1, 0.01}}, {"charge", {1, 10}}, {"multiplicity", {0, 0}}};
    return found;
}

// Of a bound, left for what float32 adds to an error.
constexpr double kMargin = 1e-4, kLargest = 1048576.0;
constexpr std::size_t kMostValues = 1 << 20;
constexpr std::int64_t kMaxSteps = (1 << 23) - 1;

class Grid {
   public:
    Grid(double relative, double absolute) {
        expect(relative >= 0 && relative < 1 && absolute >= 0 && (absolute > 0 || relative == 0),
               "JSON is damaged: a bound");
        spacing_ = absolute ? 2 * absolute * (1 - kMargin) : 1.0;
        if (!relative) return;
        // Stored, so that no compiler joins a product and a sum, which would round otherwise.
        volatile double allowed = relative * (1 - kMargin);
        volatile double growth = 2 * allowed / (1 - allowed);
        const double linear = std::ceil(1 / growth);
        expect(linear < kMostValues, kFine);
        for (double i = 0; i < linear; ++i) magnitudes_.push_back(i * spacing_);
        const double factor = 1 + growth;
        double grown = linear * spacing_;
        for (magnitudes_.push_back(grown); grown < kLargest; magnitudes_.push_back(grown)) {
            expect(magnitudes_.size() < kMostValues, kFine);
            grown *= factor;
        }
        for (std::size_t i = 1; i < magnitudes_.size(); ++i)
            thresholds_.push_back((magnitudes_[i] + magnitudes_[i - 1]) / 2);
    }

    double value(std::int64_t steps) const {
        if (magnitudes_.empty()) return static_cast<double>(steps) * spacing_;
        const auto size = static_cast<std::uint64_t>(steps < 0 ? -steps : steps);
        const double found = magnitudes_[std::min<std::uint64_t>(size, magnitudes_.size() - 1)];
        return steps < 0 ? -found : found;
    }

    std::int64_t steps(double value) const {
        expect(!std::isnan(value), "a table is damaged: a sum is no number");
        if (magnitudes_.empty()) {
            const double most = static_cast<double>(kMaxSteps);
            return static_cast<std::int64_t>(
                std::clamp(std::nearbyint(value / spacing_), -most, most));
        }
        const auto found = std::lower_bound(thresholds_.begin(), thresholds_.end(), std::abs(value));
        const std::int64_t size = found - thresholds_.begin();
        return value < 0 ? -size : size;
    }

   private:
    static constexpr const char* kFine = "JSON is damaged: a bound is too small";
    double spacing_ = 1;
    std::vector<double> magnitudes_, thresholds_;
};

}  // namespace detail

// A file of compressed records, opened.
//
// Read are files of versions 3 and 4 of the format with codec `scalar` at level fast: jets, events, cells,
// regions, images, and any record whose schema is in the file. Refused, with an error that says so:
// - codec `autoencoder` (`compress --run`): its values come from a network in ONNX, whose float32
//   results differ in their last digits from one program to the next;
// - level best: learned models;
// - versions 1 and 2.
// `aefpga decompress` reads all of these. Files cut off or damaged are read as far as each chunk's
// checksums hold; only the directory at the end must be whole.
class File {
   public:
    explicit File(const std::string& path) : path_(path), stream_(path, std::ios::binary) {
        if (!stream_) throw Error("cannot read " + path);
        stream_.seekg(0, std::ios::end);
        size_ = static_cast<std::uint64_t>(stream_.tellg());
        said([&] { open(); });
    }

    // The record's name: jets, events or another's.
    const std::string& record() const { return schema_.name; }
    const std::vector<Variable>& variables() const { return schema_.variables; }
    std::size_t n_chunks() const { return chunks_.size(); }
    std::uint64_t n_records() const { return n_records_; }
    std::uint64_t n_events() const { return n_events_; }

    // Returns the records of a chunk, from 0 on.
    Chunk chunk(std::size_t number) {
        char name[32];
        std::snprintf(name, sizeof name, "chunks/%06zu/", number);
        Chunk found;
        said([&] {
            detail::expect(number < chunks_.size(), "there is no such chunk");
            read(name, chunks_[number], found);
        }, name);
        return found;
    }

    // Throws unless the SHA-256 of the whole file is what its end says.
    void verify() {
        said([&] {
            detail::Sha256 sum;
            detail::Bytes block(1 << 16);
            std::uint64_t left = size_ - 22 - digest_;
            for (std::uint64_t at = 0; left > 0;) {
                const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(left, block.size()));
                load(at, block.data(), some);
                sum.add(block.data(), some);
                at += some;
                left -= some;
            }
            detail::Bytes end(digest_);
            load(size_ - digest_, end.data(), end.size());
            detail::expect(sum.text(digest_ == kHexadecimal) == std::string(end.begin(), end.end()),
                           "it is damaged (SHA-256)");
        });
    }

   private:
    // Characters of the SHA-256 at the end.
    static constexpr std::size_t kBase64 = 44, kHexadecimal = 64;
    static constexpr std::size_t kMaxJson = 1 << 24, kMaxEventBytes = 32000000;

    template <typename Do>
    void said(Do what, const std::string& where = "") {
        try {
            what();
        } catch (const Error& error) {
            throw Error(path_ + ": " + where + (where.empty() ? "" : ": ") + error.what());
        }
    }

    void load(std::uint64_t start, std::uint8_t* into, std::size_t size) {
        stream_.clear();
        stream_.seekg(static_cast<std::streamoff>(start));
        stream_.read(reinterpret_cast<char*>(into), static_cast<std::streamsize>(size));
        detail::expect(stream_.gcount() == static_cast<std::streamsize>(size), "it cannot be read");
    }

    void open() {
        using namespace detail;
        static const std::string start = "mimetypeapplication/x-aejets";
        expect(size_ >= 30 + start.size() + 22 + kHexadecimal, "it is no file of compressed records");
        Bytes first(start.size());
        load(30, first.data(), first.size());
        expect(std::equal(start.begin(), start.end(), first.begin()),
               "it is no file of compressed records, or its start is damaged");
        const auto reading = [this](std::uint64_t at, std::uint8_t* into, std::size_t size) {
            load(at, into, size);
        };
        // Until version 3 of the format the digest at the end is in hexadecimal.
        Bytes end(4);
        load(size_ - 22 - kHexadecimal, end.data(), end.size());
        digest_ = little<std::uint32_t>(&end[0]) == 0x06054b50 ? kHexadecimal : kBase64;
        zip_ = std::make_unique<Zip>(reading, size_, digest_);
        const Json header = Parser(zip_->member("header.json", kMaxJson)).document();
        const std::uint64_t version = version_ = header.count("schema");
        if (version < kOldest || version > kNewest)
            fail("it has version " + std::to_string(version) + " of the format, this reads versions " +
                 std::to_string(kOldest) + " to " + std::to_string(kNewest) +
                 "; `aefpga decompress` may read it");
        const std::string codec = header.text("codec");
        if (codec != "scalar")
            fail("its codec, " + codec + ", needs what this does not hold" +
                 (codec == "autoencoder" ? " (a network in ONNX)" : "") +
                 "; use `aefpga decompress`, or compress with --scalar");
        if (!header.texts("learned").empty())
            fail("it is of level best, whose models this does not read; use `aefpga decompress`");
        if (const Json& options = header["options"]; !options.is_null())
            for (const auto& [name, option] : options.as<Json::Object>("options")) {
                const bool* is_on = std::get_if<bool>(&option.value);
                if (name != "is_gated" || !is_on || !*is_on) fail("its option " + name + " is unknown");
            }
        const Schema record = read_schema(header["record"]);
        std::vector<std::string> names;
        for (const Variable& v : record.variables) names.push_back(v.name);
        expect(std::set<std::string>(names.begin(), names.end()).size() == names.size(),
               "JSON is damaged: a variable is there twice");
        for (const std::string& name : header.texts("lacking"))
            names.erase(std::remove(names.begin(), names.end(), name), names.end());
        expect(!names.empty(), "JSON is damaged: all variables are lacking");
        schema_ = record.select(names);
        grids(header["max_error"]);
        const Json manifest = Parser(zip_->member("manifest.json", kMaxJson)).document();
        for (const Json& one : manifest["chunks"].as<Json::List>("chunks")) {
            chunks_.emplace_back(one.count("events"), one.count("records"));
            n_events_ += chunks_.back().first;
            n_records_ += chunks_.back().second;
        }
    }

    // Members of chunks are stored: none is larger than the file.
    detail::Bytes member(const std::string& name) const {
        return zip_->member(name, static_cast<std::size_t>(size_));
    }

    // Makes the grid of each variable, and the order in which they follow from each other.
    void grids(const detail::Json& bounds) {
        using namespace detail;
        std::map<std::string, std::shared_ptr<const Grid>> of_kinds;
        for (const Variable& v : schema_.variables) {
            auto& grid = of_kinds[v.kind];
            if (!grid) {
                const auto of = [](const Json& bound, const char* key) {
                    return bound[key].is_null() ? 0 : bound[key].as<double>(key);
                };
                const Json& bound = bounds[v.kind.c_str()];
                const auto usual = usual_bounds().find(v.kind);
                const double share = of(bounds, "relative");
                if (share > 0 && usual != usual_bounds().end())
                    grid = std::make_shared<const Grid>(share * usual->second.first,
                                                        share * usual->second.second);
                else if (bound.is_null())
                    fail("JSON is damaged: " + v.kind + " is missing");
                else
                    grid = std::make_shared<const Grid>(of(bound, "relative"), of(bound, "absolute"));
            }
            grids_.push_back(grid);
        }
        std::vector<std::vector<std::size_t>> parts(schema_.variables.size());
        for (const auto& [total, terms] : schema_.sums) {
            const auto column = schema_.find(total);
            std::vector<std::size_t> found;
            for (const std::string& term : terms)
                if (const auto part = schema_.find(term)) found.push_back(*part);
            if (column && found.size() == terms.size()) parts[*column] = found;
        }
        for (bool is_sum : {false, true})
            for (std::size_t j = 0; j < parts.size(); ++j)
                if (parts[j].empty() != is_sum) order_.emplace_back(j, parts[j]);
    }

    void read(const std::string& name, std::pair<std::uint64_t, std::uint64_t> said, Chunk& chunk) {
        using namespace detail;
        const bool is_exact = read_events(member(name + "events"), chunk);
        const std::int64_t n = std::accumulate(chunk.counts.begin(), chunk.counts.end(), std::int64_t{0});
        expect(chunk.counts.size() == said.first && static_cast<std::uint64_t>(n) == said.second,
               "it holds other numbers of events or records than the manifest says");
        const std::size_t width = schema_.variables.size();
        // A symbol takes no bits where a column is constant: a size says nothing of what is claimed.
        expect(static_cast<std::uint64_t>(n) * width <= kMostCells + 2 * size_,
               "it claims more than a chunk can hold");
        const auto rows = static_cast<std::size_t>(n);
        const Steps steps = read_steps(member(name + "steps"), schema_, rows);
        chunk.values.assign(width, std::vector<float>(rows));
        for (const auto& [j, parts] : order_) {
            const Grid& grid = *grids_[j];
            const auto& period = schema_.variables[j].period;
            for (std::size_t row = 0; row < rows; ++row) {
                std::int64_t predicted = 0;
                if (!parts.empty()) {
                    double total = chunk.values[parts[0]][row];
                    for (std::size_t i = 1; i < parts.size(); ++i) total += chunk.values[parts[i]][row];
                    predicted = grid.steps(total);
                }
                double value = grid.value(steps[j][row] + predicted);
                // The last step may be beyond half a turn.
                if (period && value > *period / 2)
                    value -= *period;
                else if (period && value < -*period / 2)
                    value += *period;
                chunk.values[j][row] = static_cast<float>(value);
            }
        }
        // Until version 3 they are always there, if with nothing in them.
        if (is_exact || version_ < 4) read_exact(member(name + "exact"), rows, chunk);
    }

    // Returns whether values of the chunk are kept exactly.
    static bool read_events(const detail::Bytes& packed, Chunk& chunk) {
        using namespace detail;
        const std::size_t limit = kMaxEventBytes + 20 * packed.size();
        const bool is_coded = !packed.empty() && packed[0] == 'E';
        auto columns = is_coded ? coded_columns(packed, limit) : saved_columns(packed, limit);
        const auto found = columns.find("counts");
        expect(found != columns.end(), "its records per event are missing");
        std::int64_t sum = 0;
        const auto count = [&](auto number) {
            chunk.counts.push_back(static_cast<std::int64_t>(number));
            expect(chunk.counts.back() >= 0 && chunk.counts.back() <= kMostRecords - sum,
                   "it has more records than a chunk can hold");
            sum += chunk.counts.back();
        };
        if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&found->second))
            std::for_each(numbers->begin(), numbers->end(), count);
        else if (const auto* whole = std::get_if<std::vector<std::uint64_t>>(&found->second))
            std::for_each(whole->begin(), whole->end(), count);
        else
            fail("its records per event are no integers");
        columns.erase(found);
        const bool is_exact = columns.erase("exact") > 0;
        for (auto& [name, column] : columns) {
            expect(name.rfind("event/", 0) == 0 && name.size() > 6, "a column of events is unknown");
            const std::size_t n = std::visit([](const auto& c) { return c.size(); }, column);
            expect(n == chunk.counts.size(), "its columns of events differ in length");
            chunk.events.emplace(name.substr(6), std::move(column));
        }
        return is_exact;
    }

    static void read_exact(const detail::Bytes& packed, std::size_t rows, Chunk& chunk) {
        using namespace detail;
        const std::size_t width = chunk.values.size();
        const Bytes content = unzipped(packed, 0, packed.size(), 8 * rows * width + 8);
        const std::size_t n = content.size() / 8;
        expect(content.size() % 8 == 0, "its exact values are damaged");
        std::uint64_t place = 0;
        for (std::size_t i = 0; i < n; ++i) {
            place += little<std::uint32_t>(&content[4 * i]);
            expect(place < std::uint64_t{rows} * width, "its exact values are damaged");
            chunk.values[place % width][place / width] = little<float>(&content[4 * (n + i)]);
        }
    }

    std::string path_;
    std::ifstream stream_;
    std::size_t digest_ = kBase64;
    std::uint64_t size_ = 0, version_ = 0, n_records_ = 0, n_events_ = 0;
    std::unique_ptr<detail::Zip> zip_;
    detail::Schema schema_;
    std::vector<std::shared_ptr<const detail::Grid>> grids_;
    std::vector<std::pair<std::size_t, std::vector<std::size_t>>> order_;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> chunks_;
};

}  // namespace aejets
