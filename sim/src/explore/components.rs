//! Which states can reach each other, by Tarjan's one pass.
//!
//! A graph of states is far deeper than a stack of calls may be, so the walk keeps its own.

use super::graph::Graph;

/// What lies in no component.
pub(super) const OUTSIDE: u32 = u32::MAX;

/// The component of each state, among those that are `inside`, and how many there are.
pub(super) fn components(graph: &Graph, inside: &dyn Fn(u32) -> bool) -> (Vec<u32>, usize) {
    let unseen = vec![OUTSIDE; graph.states() as usize];
    let (component, least) = (unseen.clone(), unseen);
    let open = Vec::new();
    let mut walk = Walk { graph, inside, component, least, open, seen: 0, count: 0 };
    for root in 0..graph.states() {
        if inside(root) && walk.least[root as usize] == OUTSIDE {
            walk.from(root);
        }
    }
    (walk.component, walk.count as usize)
}

struct Walk<'a> {
    graph: &'a Graph,
    inside: &'a dyn Fn(u32) -> bool,
    component: Vec<u32>,
    /// The earliest state, in the order of the walk, that each is known to reach back to.
    least: Vec<u32>,
    /// States whose component is not complete.
    open: Vec<u32>,
    seen: u32,
    count: u32,
}

/// A state that the walk is in.
struct Frame {
    state: u32,
    /// When it was first seen.
    order: u32,
    /// The edge to look at next.
    next: usize,
}

impl Walk<'_> {
    fn enter(&mut self, state: u32) -> Frame {
        let order = self.seen;
        self.seen += 1;
        self.least[state as usize] = order;
        self.open.push(state);
        Frame { state, order, next: 0 }
    }

    fn from(&mut self, root: u32) {
        let mut frames = vec![self.enter(root)];
        while let Some(frame) = frames.last_mut() {
            let state = frame.state;
            let Some(edge) = self.graph.edges(state).get(frame.next) else {
                self.close(state, frame.order);
                frames.pop();
                if let Some(below) = frames.last() {
                    self.reaches(below.state, state);
                }
                continue;
            };
            frame.next += 1;
            if !(self.inside)(edge.to) {
                continue;
            }
            if self.least[edge.to as usize] == OUTSIDE {
                let frame = self.enter(edge.to);
                frames.push(frame);
            } else {
                self.reaches(state, edge.to);
            }
        }
    }

    /// What `to` reaches back to, `from` does; unless `to` lies in a component that is complete,
    /// out of which there is no way back.
    fn reaches(&mut self, from: u32, to: u32) {
        if self.component[to as usize] == OUTSIDE {
            let least = self.least[from as usize].min(self.least[to as usize]);
            self.least[from as usize] = least;
        }
    }

    /// A state that reaches back to no earlier one is the first of its component.
    fn close(&mut self, state: u32, order: u32) {
        if self.least[state as usize] != order {
            return;
        }
        while let Some(member) = self.open.pop() {
            self.component[member as usize] = self.count;
            if member == state {
                break;
            }
        }
        self.count += 1;
    }
}
