// SPDX-License-Identifier: Apache-2.0
// A doubly linked list whose links live in the elements: no allocation, removal without search.
#pragma once

#include <cstddef>

namespace husk {

// Base class of an element. `Tag` lets one object be in several lists at once.
template <class Tag = void>
struct ListNode {
    ListNode* previous = nullptr;
    ListNode* next = nullptr;

    [[nodiscard]] bool is_linked() const { return next != nullptr; }
    void unlink() {
        if (next == nullptr) return;
        previous->next = next;
        next->previous = previous;
        previous = next = nullptr;
    }
};

template <class T, class Tag = void>
class List {
    using Node = ListNode<Tag>;

public:
    constexpr List() : head_{&head_, &head_} {}
    List(const List&) = delete;
    List& operator=(const List&) = delete;

    [[nodiscard]] bool empty() const { return head_.next == &head_; }
    [[nodiscard]] T* front() { return empty() ? nullptr : as_element(head_.next); }
    // Of an element of this list; nullptr behind the last.
    [[nodiscard]] T* behind(T& element) {
        Node* next = static_cast<Node&>(element).next;
        return next == &head_ ? nullptr : as_element(next);
    }
    void push_back(T& element) { insert_before(head_, element); }
    void push_front(T& element) { insert_before(*head_.next, element); }
    // Puts `element` in front of `position`, an element of this list.
    void insert(T& position, T& element) { insert_before(static_cast<Node&>(position), element); }
    T* pop_front() {
        T* element = front();
        if (element != nullptr) static_cast<Node*>(element)->unlink();
        return element;
    }

    class Iterator {
    public:
        explicit Iterator(Node* node) : node_(node), next_(node->next) {}
        T& operator*() const { return *as_element(node_); }
        // The current element may have been unlinked or destroyed meanwhile.
        Iterator& operator++() {
            node_ = next_;
            next_ = node_->next;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return node_ != other.node_; }

    private:
        Node* node_;
        Node* next_;
    };
    Iterator begin() { return Iterator(head_.next); }
    Iterator end() { return Iterator(&head_); }

private:
    static T* as_element(Node* node) { return static_cast<T*>(node); }
    static void insert_before(Node& position, T& element) {
        Node& node = element;
        node.previous = position.previous;
        node.next = &position;
        position.previous->next = &node;
        position.previous = &node;
    }

    Node head_;
};

}  // namespace husk
