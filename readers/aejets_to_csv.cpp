// Prints the records of a file of compressed records as CSV: an example of aejets.hpp.
//
//     g++ -std=c++17 -O2 aejets_to_csv.cpp -o aejets_to_csv
//     ./aejets_to_csv jets.aejets > jets.csv

#include <cstdio>
#include <exception>

#include "aejets.hpp"

namespace {

void print_text(const std::string& text) {
    std::printf(",\"");
    for (char c : text) std::printf(c == '"' ? "\"\"" : "%c", c);
    std::printf("\"");
}

void print_entry(const aejets::Column& column, std::size_t event) {
    if (const auto* found = std::get_if<std::vector<std::int64_t>>(&column))
        std::printf(",%lld", static_cast<long long>((*found)[event]));
    else if (const auto* natural = std::get_if<std::vector<std::uint64_t>>(&column))
        std::printf(",%llu", static_cast<unsigned long long>((*natural)[event]));
    else if (const auto* real = std::get_if<std::vector<double>>(&column))
        std::printf(",%.17g", (*real)[event]);
    else
        print_text(std::get<std::vector<std::string>>(column)[event]);
}

void print(const char* path) {
    aejets::File file(path);
    file.verify();
    std::size_t before = 0;
    for (std::size_t number = 0; number < file.n_chunks(); ++number) {
        const aejets::Chunk chunk = file.chunk(number);
        if (number == 0) {
            std::printf("entry");
            for (const auto& [name, column] : chunk.events) std::printf(",%s", name.c_str());
            for (const auto& variable : file.variables()) std::printf(",%s", variable.name.c_str());
            std::printf("\n");
        }
        std::size_t record = 0;
        for (std::size_t event = 0; event < chunk.counts.size(); ++event)
            for (std::int64_t i = 0; i < chunk.counts[event]; ++i, ++record) {
                std::printf("%zu", before + event);
                for (const auto& [name, column] : chunk.events) print_entry(column, event);
                // Nine digits say a float32 exactly.
                for (const auto& values : chunk.values)
                    std::printf(",%.9g", static_cast<double>(values[record]));
                std::printf("\n");
            }
        before += chunk.counts.size();
    }
    std::fprintf(stderr, "%llu %s in %llu events\n",
                 static_cast<unsigned long long>(file.n_records()), file.record().c_str(),
                 static_cast<unsigned long long>(file.n_events()));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s FILE.aejets\n", argv[0]);
        return 2;
    }
    try {
        print(argv[1]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
