// SPDX-License-Identifier: Apache-2.0
#include "launcher/image/symbols.hpp"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <memory>

#include "launcher/image/elf_handle.hpp"

namespace husk::image {

namespace {

void add_symbols(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, std::vector<Symbol>& symbols) {
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || header.sh_entsize == 0) return;
    const auto count = static_cast<int>(std::min<std::uint64_t>(data->d_size / sizeof(Elf64_Sym), INT32_MAX));
    for (int i = 0; i < count; ++i) {
        GElf_Sym symbol;
        if (gelf_getsym(data, i, &symbol) == nullptr) continue;
        const int type = GELF_ST_TYPE(symbol.st_info);
        const bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
        if (!is_function || symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= SHN_LORESERVE) continue;
        const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
        if (name == nullptr || *name == '\0') continue;
        symbols.push_back({symbol.st_value, symbol.st_value + symbol.st_size, name});
    }
}

}  // namespace

SymbolTable::SymbolTable(std::vector<Symbol> symbols) : symbols_(std::move(symbols)) {
    // Of several at one address the sized one is last, where find() begins.
    std::ranges::sort(symbols_, [](const Symbol& a, const Symbol& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
}

const Symbol* SymbolTable::find(std::uint64_t address) const {
    auto symbol = std::ranges::upper_bound(symbols_, address, {}, &Symbol::begin);
    if (symbol == symbols_.begin()) return nullptr;
    --symbol;
    const bool holds = symbol->begin == symbol->end || address < symbol->end;
    return holds ? &*symbol : nullptr;
}

SymbolTable read_symbols(const host::FileDescriptor& file) {
    const ElfHandle elf = open_elf(file);
    std::vector<Symbol> symbols;
    if (elf == nullptr) return SymbolTable({});
    for (Elf_Scn* section = elf_nextscn(elf.get(), nullptr); section != nullptr;
         section = elf_nextscn(elf.get(), section)) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) != nullptr && header.sh_type == SHT_SYMTAB) {
            add_symbols(elf.get(), section, header, symbols);
        }
    }
    return SymbolTable(std::move(symbols));
}

}  // namespace husk::image
