//! A run as a picture: five panels over the same time, one below the other.

use std::{error::Error, path::Path};

use memclient_tests::integrity::{Moment, Report};
use plotters::prelude::*;

const SIZE: (u32, u32) = (1200, 1375);
const COLOURS: [RGBColor; 5] = [
    RGBColor(31, 119, 180),
    RGBColor(255, 127, 14),
    RGBColor(44, 160, 44),
    RGBColor(214, 39, 40),
    RGBColor(148, 103, 189),
];

/// The most points of a line: of a longer run, several seconds are one.
const POINTS: usize = 600;

/// A line of a panel, as points in time.
struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

/// Draws the run into an SVG file.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn draw(report: &Report, path: &Path) -> Result<(), Box<dyn Error>> {
    let step = report.moments.len().div_ceil(POINTS).max(1);
    let moments: Vec<&Moment> = report.moments.iter().step_by(step).collect();
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let seconds = report.took.as_secs_f64();
    let [latency, errors, memory, connections, restarts] = &area.split_evenly((5, 1))[..] else {
        return Err("the picture has no five panels".into());
    };
    panel(latency, "latency of calls that were not dropped, ms", seconds, &latencies(&moments))?;
    panel(errors, "errors per second", seconds, &failures(&moments))?;
    panel(
        memory,
        "memory of the process, MiB",
        seconds,
        &[values("RSS", &moments, |moment| number(moment.memory as u64) / 1024.0)],
    )?;
    panel(
        connections,
        "connections open",
        seconds,
        &[values("connections", &moments, |moment| number(moment.connections as u64))],
    )?;
    panel(
        restarts,
        "restarts of the server so far",
        seconds,
        &[values("restarts", &moments, |moment| number(moment.kills))],
    )?;
    area.present()?;
    Ok(())
}

fn latencies(moments: &[&Moment]) -> Vec<Line> {
    let shares = [("half", 0.5), ("99 %", 0.99), ("99.9 %", 0.999)];
    let line = |(name, share)| {
        let points = pairs(moments).filter_map(|(before, moment)| {
            let time = moment.percentile(share, before)?;
            Some((moment.at.as_secs_f64(), time.as_secs_f64() * 1000.0))
        });
        Line { name, points: points.collect() }
    };
    shares.map(line).into()
}

fn failures(moments: &[&Moment]) -> Vec<Line> {
    let Some(last) = moments.last() else { return Vec::new() };
    let line = |name: &'static str| {
        let points = pairs(moments).map(|(before, moment)| {
            let count = moment.counts.get(name).saturating_sub(before.counts.get(name));
            let time = moment.at.saturating_sub(before.at).as_secs_f64().max(0.001);
            (moment.at.as_secs_f64(), number(count) / time)
        });
        Line { name, points: points.collect() }
    };
    last.counts.errors().map(|(name, _)| line(name)).collect()
}

fn values(name: &'static str, moments: &[&Moment], value: impl Fn(&Moment) -> f64) -> Line {
    let points = moments.iter().map(|moment| (moment.at.as_secs_f64(), value(moment)));
    Line { name, points: points.collect() }
}

/// Returns each moment with the one before it.
fn pairs<'a>(moments: &'a [&'a Moment]) -> impl Iterator<Item = (&'a Moment, &'a Moment)> {
    moments.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)))
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    seconds: f64,
    lines: &[Line],
) -> Result<(), Box<dyn Error>> {
    let values = lines.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value));
    let most = values.fold(1.0, f64::max) * 1.1;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(title, ("sans-serif", 18))
        .x_label_area_size(28)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..seconds, 0.0..most)?;
    chart.configure_mesh().x_desc("seconds").light_line_style(WHITE).draw()?;
    for (line, colour) in lines.iter().zip(COLOURS) {
        let series = LineSeries::new(line.points.iter().copied(), colour.stroke_width(1));
        let legend = move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2));
        chart.draw_series(series)?.label(line.name).legend(legend);
    }
    chart.configure_series_labels().border_style(BLACK).background_style(WHITE.mix(0.8)).draw()?;
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "no more exact than a picture")]
fn number(count: u64) -> f64 {
    count as f64
}
