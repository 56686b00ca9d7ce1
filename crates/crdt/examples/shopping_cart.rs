//! A shopping cart on two phones and a server, cut off from each other.
//!
//! A cart is a map from article to count. Both phones go on while there is no network; afterwards the cart has what either put in, without what
//! either took out and had seen, and every count is right: nothing "comes back", and nothing is lost.
//!
//! `cargo run -p synod-crdt --example shopping_cart`

use synod_crdt::resolve::Sum;
use synod_crdt::{ActorId, Crdt, DotFun, OrMap, Refused};

/// Article to how many of it: a counter for each, which goes when the article is taken out.
type Cart = OrMap<&'static str, DotFun<i64, Sum>>;

fn show(name: &str, cart: &Cart) {
    println!("{name:>8}: {:?}", cart.view());
}

pub(crate) fn main() -> Result<(), Refused> {
    let (ada, bob) = (ActorId::from(1), ActorId::from(2));
    let mut server = Cart::new();
    server.update(ada, "bread", 1)?;
    server.update(ada, "milk", 2)?;
    let (mut phone, mut tablet) = (server.clone(), server.clone());
    show("before", &server);

    // The partition: nobody hears of anybody.
    phone.reset(ada, "bread")?;
    phone.update(ada, "tea", 1)?;
    tablet.update(bob, "milk", 1)?;
    tablet.update(bob, "bread", 2)?;
    show("phone", &phone);
    show("tablet", &tablet);

    // It heals. The phone sends its state, the tablet only what the server has not got.
    let _ = server.merge(&phone)?;
    let delta = tablet.delta_since(&server.version());
    let _ = server.join(&delta)?;
    for device in [&mut phone, &mut tablet] {
        let delta = server.delta_since(&device.version());
        let _ = device.join(&delta)?;
    }
    show("after", &server);

    // Three milk: both counted. Two bread: Ada removed the one that she had seen, and Bob's two came concurrently.
    let cart: Vec<_> = server.view().into_iter().collect();
    assert_eq!(cart, [("bread", 2), ("milk", 3), ("tea", 1)]);
    assert_eq!((&phone, &tablet), (&server, &server));

    // The same with last-writer-wins over the whole cart: whoever writes last takes all, and Ada's tea is gone.
    let mut whole = synod_crdt::LwwRegister::new();
    let mut other = whole.clone();
    whole.write(ada, 10, vec!["milk", "milk", "tea"])?;
    other.write(bob, 11, vec!["bread", "bread", "bread", "milk", "milk", "milk"])?;
    let _ = whole.merge(&other)?;
    println!("{:>8}: {:?}", "lww", whole.read());
    assert!(!whole.read().is_some_and(|cart| cart.contains(&"tea")));
    Ok(())
}
