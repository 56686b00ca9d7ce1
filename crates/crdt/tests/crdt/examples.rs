//! The programs in `examples/` do what they say: each ends with assertions.

#[path = "../../examples/inventory.rs"]
mod inventory;
#[path = "../../examples/like_counter.rs"]
mod like_counter;
#[path = "../../examples/shopping_cart.rs"]
mod shopping_cart;

#[test]
fn three_shops_sell_what_there_is_and_no_more() {
    inventory::main().unwrap();
}

#[test]
fn likes_of_three_regions_are_all_counted_once() {
    like_counter::main().unwrap();
}

#[test]
fn a_cart_survives_a_partition() {
    shopping_cart::main().unwrap();
}
