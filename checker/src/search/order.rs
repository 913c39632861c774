//! The order in which operations took effect, along every way that is still open.
//!
//! Ways share their past, so what is kept is a tree, each node one operation and what came before
//! it; and as soon as there is only one way, its past is written down and the tree is felled.

/// A place in the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Trail(u32);

impl Trail {
    /// Nothing happened since the tree was felled last.
    pub(super) const START: Trail = Trail(u32::MAX);
}

/// The tree, and what is already certain.
pub(super) struct Order {
    /// Of each node, the one before, and the operation.
    nodes: Vec<(Trail, u32)>,
    certain: Vec<u32>,
    is_kept: bool,
}

impl Order {
    /// An order that is kept, or one that costs nothing.
    pub(super) fn new(is_kept: bool) -> Self {
        Order { nodes: Vec::new(), certain: Vec::new(), is_kept }
    }

    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.certain.clear();
    }

    /// `operation` took effect after what `trail` says.
    #[inline]
    pub(super) fn then(&mut self, trail: Trail, operation: usize) -> Trail {
        if !self.is_kept {
            return trail;
        }
        self.nodes.push((trail, operation as u32));
        Trail(self.nodes.len() as u32 - 1)
    }

    /// The operations along a trail, since the tree was felled last.
    fn along(&self, mut trail: Trail) -> Vec<u32> {
        let mut order = Vec::new();
        while trail != Trail::START {
            let (before, operation) = self.nodes[trail.0 as usize];
            order.push(operation);
            trail = before;
        }
        order.reverse();
        order
    }

    /// From now on there is only this way.
    pub(super) fn fell(&mut self, trail: Trail) {
        let along = self.along(trail);
        self.certain.extend(along);
        self.nodes.clear();
    }

    /// The whole order along a trail.
    pub(super) fn whole(&mut self, trail: Trail) -> Vec<u32> {
        self.fell(trail);
        std::mem::take(&mut self.certain)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<(Trail, u32)>() * self.nodes.capacity() + 4 * self.certain.capacity()
    }

    pub(super) fn is_felled(&self) -> bool {
        self.nodes.is_empty()
    }
}
