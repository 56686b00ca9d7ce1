//! The shared placement beside values whose end is an accident. Its interleavings are in `loom_shared.rs`.

use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex, mpsc};
use synod_hashring::Shared;

/// Panics when it is dropped, if it is told so.
struct Grenade {
    number: u64,
    live: bool,
}

impl Drop for Grenade {
    fn drop(&mut self) {
        assert!(!self.live, "dropped");
    }
}

#[test]
fn a_value_that_panics_when_it_is_dropped_leaves_nobody_behind() {
    let grenade = |number, live| Grenade { number, live };
    let shared = Shared::new(grenade(0, true));
    let mut late = shared.reader();
    // The late reader keeps the first value; the second is dropped by whoever publishes the third.
    shared.publish(grenade(1, true));
    let quick = catch_unwind(AssertUnwindSafe(|| shared.publish(grenade(2, false))));
    assert!(quick.is_err());
    assert_eq!(shared.reader().get().number, 2);
    // The first is dropped by the reader when it sees the third.
    assert!(catch_unwind(AssertUnwindSafe(|| late.get().number)).is_err());
    assert_eq!((late.get().number, late.version()), (2, 2));
    let updated = shared.update(|value| Ok::<_, ()>(grenade(value.number + 1, false)));
    assert_eq!((updated, late.get().number), (Ok(3), 3));
}

/// Says that it is being dropped, and goes on only when it is told to.
struct Slow {
    dropped: Option<Mutex<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
}

impl Drop for Slow {
    fn drop(&mut self) {
        if let Some(Ok((begun, go_on))) = self.dropped.take().map(Mutex::into_inner) {
            let _ = begun.send(());
            let _ = go_on.recv_timeout(Duration::from_secs(20));
        }
    }
}

#[test]
fn readers_do_not_wait_for_an_old_value_to_be_dropped() {
    let (begun, has_begun) = mpsc::channel();
    let (go_on, told) = mpsc::channel();
    let shared = Shared::new(Slow { dropped: Some(Mutex::new((begun, told))) });
    let published = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (shared, published) = (shared.clone(), Arc::clone(&published));
        move || {
            shared.publish(Slow { dropped: None });
            published.store(true, Ordering::SeqCst);
        }
    });
    has_begun.recv().unwrap();
    // The writer is still dropping what it has replaced, and all see the new value.
    let mut reader = shared.reader();
    assert_eq!((reader.get().dropped.is_none(), reader.version()), (true, 1));
    assert_eq!(shared.publish(Slow { dropped: None }), 2);
    assert!(!published.load(Ordering::SeqCst));
    go_on.send(()).unwrap();
    writer.join().unwrap();
}
