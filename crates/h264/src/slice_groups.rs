//! Slice groups (flexible macroblock ordering), clause 8.2.2.

use crate::pps::{GroupMap, Pps};
use crate::slice_header::{SliceHeader, Structure};
use crate::sps::Sps;

/// mbToSliceGroupMap of a picture, by macroblock address, in MBAFF frames by pair; `None` where there is
/// one group only.
pub(crate) fn map(sps: &Sps, pps: &Pps, header: &SliceHeader) -> Option<Vec<u8>> {
    let groups = pps.groups.as_ref()?;
    let (width, height) = (sps.width_mbs as usize, sps.height_map_units as usize);
    let mut units = vec![0; width * height];
    let last = groups.count as usize - 1;
    match &groups.map {
        GroupMap::Interleaved(runs) => interleaved(&mut units, runs),
        GroupMap::Dispersed => dispersed(&mut units, width, last + 1),
        GroupMap::Foreground(corners) => foreground(&mut units, width, corners),
        GroupMap::Changing(kind, direction, rate) => {
            let all = units.len();
            let changed = header.slice_group_change_cycle as usize * *rate as usize;
            let changed = changed.min(all);
            match kind {
                3 => box_out(&mut units, width, height, *direction, changed),
                kind => {
                    let upper = if *direction { all - changed } else { changed };
                    wipe(&mut units, width, *kind == 5, upper, u8::from(*direction));
                }
            }
        }
        GroupMap::Explicit(ids) => {
            for (unit, id) in units.iter_mut().zip(ids) {
                *unit = *id;
            }
        }
    }
    let frame_of_fields = !sps.frame_mbs_only && !sps.mbaff && header.structure == Structure::Frame;
    if frame_of_fields {
        // (8-17): a map unit is a pair of macroblocks one below the other.
        let rows = units.chunks_exact(width);
        return Some(rows.flat_map(|row| [row, row].concat()).collect());
    }
    Some(units)
}

/// Clause 8.2.2.1.
fn interleaved(units: &mut [u8], runs: &[u32]) {
    let mut rest = units;
    while !rest.is_empty() {
        for (group, &run) in runs.iter().enumerate() {
            let (now, later) = rest.split_at_mut((run as usize).min(rest.len()));
            now.fill(group as u8);
            rest = later;
        }
    }
}

/// Clause 8.2.2.2.
fn dispersed(units: &mut [u8], width: usize, count: usize) {
    for (i, unit) in units.iter_mut().enumerate() {
        *unit = ((i % width + i / width * count / 2) % count) as u8;
    }
}

/// Clause 8.2.2.3.
fn foreground(units: &mut [u8], width: usize, corners: &[(u32, u32)]) {
    units.fill(corners.len() as u8);
    for (group, &(top_left, bottom_right)) in corners.iter().enumerate().rev() {
        let (first, last) = (top_left as usize, bottom_right as usize);
        for (i, unit) in units.iter_mut().enumerate() {
            let (x, y) = (i % width, i / width);
            let inside = (first % width..=last % width).contains(&x)
                && (first / width..=last / width).contains(&y);
            if inside {
                *unit = group as u8;
            }
        }
    }
}

/// Clause 8.2.2.4.
fn box_out(units: &mut [u8], width: usize, height: usize, direction: bool, changed: usize) {
    units.fill(1);
    let turn = i64::from(direction);
    let (w, h) = (width as i64, height as i64);
    let (mut x, mut y) = ((w - turn) / 2, (h - turn) / 2);
    let (mut left, mut top, mut right, mut bottom) = (x, y, x, y);
    let (mut dx, mut dy) = (turn - 1, turn);
    let mut done = 0;
    while done < changed {
        if let Some(unit) = units.get_mut((y * w + x) as usize)
            && *unit == 1
        {
            *unit = 0;
            done += 1;
        }
        if dx == -1 && x == left {
            left = (left - 1).max(0);
            x = left;
            (dx, dy) = (0, 2 * turn - 1);
        } else if dx == 1 && x == right {
            right = (right + 1).min(w - 1);
            x = right;
            (dx, dy) = (0, 1 - 2 * turn);
        } else if dy == -1 && y == top {
            top = (top - 1).max(0);
            y = top;
            (dx, dy) = (1 - 2 * turn, 0);
        } else if dy == 1 && y == bottom {
            bottom = (bottom + 1).min(h - 1);
            y = bottom;
            (dx, dy) = (2 * turn - 1, 0);
        } else {
            x += dx;
            y += dy;
        }
    }
}

/// Clauses 8.2.2.5 and 8.2.2.6: by rows or by columns, the first `upper` units are of one group.
fn wipe(units: &mut [u8], width: usize, columns: bool, upper: usize, first: u8) {
    let height = units.len() / width;
    for (i, unit) in units.iter_mut().enumerate() {
        let place = if columns {
            i % width * height + i / width
        } else {
            i
        };
        *unit = if place < upper { first } else { 1 - first };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn box_out_ends_and_covers_what_it_says() {
        for (width, height) in [(1, 1), (4, 3), (5, 7), (11, 9)] {
            for changed in 0..=width * height {
                for direction in [false, true] {
                    let mut units = vec![0; width * height];
                    box_out(&mut units, width, height, direction, changed);
                    assert_eq!(units.iter().filter(|&&unit| unit == 0).count(), changed);
                }
            }
        }
    }

    #[test]
    fn interleaved_runs_take_turns() {
        let mut units = [9; 7];
        interleaved(&mut units, &[2, 1]);
        assert_eq!(units, [0, 0, 1, 0, 0, 1, 0]);
    }
}
