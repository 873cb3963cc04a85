//! What judging one value by a schema can cost at most.

use crate::schema::nodes::{Node, NodeId};
use crate::schema::{COST_MAX, IN_PLACE_DEPTH_MAX, Refused};

/// What is known of a node.
#[derive(Clone, Copy, Default)]
struct Weight {
    state: State,
    /// Subschemas that judge one value, each as often as references lead to it.
    cost: u64,
    /// How deep they lie in each other.
    depth: usize,
}

#[derive(Clone, Copy)]
enum Visit {
    Enter,
    Leave,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    New,
    Open,
    Done,
}

/// Refuses schemas in which a value is judged by itself for ever, or by too many subschemas: the
/// number of subschemas and keywords that judge one and the same value, with every reference and
/// applicator expanded, is at most [`COST_MAX`].
pub(super) fn check(nodes: &[Node]) -> Result<(), Refused> {
    let mut weights = vec![Weight::default(); nodes.len()];
    let mut pending: Vec<(NodeId, Visit)> = Vec::new();
    for start in 0..nodes.len() as NodeId {
        pending.push((start, Visit::Enter));
        while let Some((id, visit)) = pending.pop() {
            let (Some(node), Some(weight)) =
                (nodes.get(id as usize), weights.get(id as usize).copied())
            else {
                continue;
            };
            let weight = match (visit, weight.state) {
                (Visit::Enter, State::Done) => continue,
                // All that is open lies around it.
                (Visit::Enter, State::Open) => return Err(Refused::Cycle),
                (Visit::Enter, State::New) => {
                    pending.push((id, Visit::Leave));
                    for keyword in &node.keywords {
                        keyword.in_place(|child| pending.push((child, Visit::Enter)));
                    }
                    Weight { state: State::Open, ..weight }
                }
                (Visit::Leave, _) => weigh(node, &weights)?,
            };
            if let Some(slot) = weights.get_mut(id as usize) {
                *slot = weight;
            }
        }
    }
    Ok(())
}

fn weigh(node: &Node, weights: &[Weight]) -> Result<Weight, Refused> {
    let mut weight = Weight { state: State::Done, cost: 1, depth: 0 };
    for keyword in &node.keywords {
        weight.cost += 1;
        keyword.in_place(|child| {
            let child = weights.get(child as usize).copied().unwrap_or_default();
            weight.cost = weight.cost.saturating_add(child.cost);
            weight.depth = weight.depth.max(child.depth + 1);
        });
    }
    if weight.cost > COST_MAX {
        return Err(Refused::Cost);
    }
    if weight.depth > IN_PLACE_DEPTH_MAX {
        return Err(Refused::TooDeep);
    }
    Ok(weight)
}
