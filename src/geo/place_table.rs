//! Places and points of addresses, each once, under 16-bit ids.
//!
//! In: places and points as databases and the operator give them. Out: [`KnownPlace`]s and the id of each thing given.
//! Never here: addresses.

use std::collections::HashMap;

use super::place_code::Place;

use super::continent::Coordinates;

/// Place and point of an address, as far as known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownPlace {
    /// The place; `None` if unknown.
    pub place: Option<Place>,
    /// Point of the client: the database's, else the place's; `None` if unknown.
    pub point: Option<Coordinates>,
}

/// Number of a [`KnownPlace`]; 0 is unknown.
pub type PlaceId = u16;

/// A place and a point in hundredths of a degree, about 1 km, which is finer than any database is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Spot {
    pub(super) place: Option<Place>,
    pub(super) point: Option<(i16, i16)>,
}

impl Spot {
    /// A spot of a place without a point of its own.
    pub(super) fn of_place(place: Place) -> Self {
        Self {
            place: Some(place),
            point: None,
        }
    }

    /// A spot of a point in degrees; a point that is not on the globe does not count.
    pub(super) fn new(place: Option<Place>, point: Option<Coordinates>) -> Self {
        let on_globe = |p: &Coordinates| p.latitude.abs() <= 90.0 && p.longitude.abs() <= 180.0;
        let hundredths = |degrees: f64| (degrees * 100.0).round() as i16;
        Self {
            place,
            point: point
                .filter(on_globe)
                .map(|p| (hundredths(p.latitude), hundredths(p.longitude))),
        }
    }
}

/// Distinct spots by number; number 0 is the unknown spot.
#[derive(Clone, Debug)]
pub(super) struct SpotTable {
    numbers: HashMap<Spot, u32>,
    spots: Vec<Spot>,
}

impl SpotTable {
    pub(super) fn new() -> Self {
        Self {
            numbers: HashMap::from([(Spot::default(), 0)]),
            spots: vec![Spot::default()],
        }
    }

    /// The number of a spot, new or known.
    pub(super) fn number(&mut self, spot: Spot) -> u32 {
        *self.numbers.entry(spot).or_insert_with(|| {
            self.spots.push(spot);
            (self.spots.len() - 1) as u32
        })
    }

    /// Turns the spots into at most 65,536 infos, the unknown one first, and the id of each number.
    ///
    /// More distinct spots are merged by ever wider cells of a grid until they fit; merged ones stand in the middle of
    /// their points.
    pub(super) fn finish(self, infos_max: usize) -> (Vec<KnownPlace>, Vec<PlaceId>) {
        let infos_max = infos_max.clamp(2, usize::from(PlaceId::MAX) + 1);
        let mut merged = None;
        for grain in GRAINS {
            let cells = merge(&self.spots, grain, infos_max);
            merged = cells.map(|(cells, ids)| (cells.iter().map(Cell::info).collect(), ids));
            if merged.is_some() {
                break;
            }
        }
        merged.unwrap_or_else(|| {
            // Reached only if fewer infos are allowed than there are continents.
            (vec![KnownPlace::default()], vec![0; self.spots.len()])
        })
    }
}

/// Precision to which spots are merged.
#[derive(Clone, Copy, Debug)]
enum Grain {
    /// Place and cell of this many hundredths of a degree.
    Cell(i16),
    /// The place alone.
    Place,
    /// The place without its subdivision.
    Country,
    /// The continent alone.
    Continent,
}

/// Tried in this order. The whole earth at 10 degrees has 648 cells, so real databases stop early.
const GRAINS: [Grain; 11] = [
    Grain::Cell(1),
    Grain::Cell(10),
    Grain::Cell(25),
    Grain::Cell(50),
    Grain::Cell(100),
    Grain::Cell(200),
    Grain::Cell(500),
    Grain::Cell(1000),
    Grain::Place,
    Grain::Country,
    Grain::Continent,
];

/// Spots that count as one.
struct Cell {
    place: Option<Place>,
    latitudes: i64,
    longitudes: i64,
    points: i64,
}

impl Cell {
    fn add(&mut self, point: Option<(i16, i16)>) {
        if let Some((latitude, longitude)) = point {
            self.latitudes += i64::from(latitude);
            self.longitudes += i64::from(longitude);
            self.points += 1;
        }
    }

    fn info(&self) -> KnownPlace {
        let mean = |sum: i64| sum as f64 / self.points as f64 / 100.0;
        let point = (self.points > 0).then(|| Coordinates {
            latitude: mean(self.latitudes),
            longitude: mean(self.longitudes),
        });
        KnownPlace {
            place: self.place,
            point: point.or_else(|| self.place.map(|place| place.point())),
        }
    }
}

/// Cells and the id of each spot, or `None` if there are too many cells.
fn merge(spots: &[Spot], grain: Grain, cells_max: usize) -> Option<(Vec<Cell>, Vec<PlaceId>)> {
    let mut numbers: HashMap<Spot, PlaceId> = HashMap::new();
    let mut cells: Vec<Cell> = Vec::new();
    let mut ids = Vec::with_capacity(spots.len());
    for spot in spots {
        let key = coarsen(*spot, grain);
        let id = match numbers.get(&key) {
            Some(id) => *id,
            None => {
                let id = PlaceId::try_from(cells.len()).ok();
                let id = id.filter(|_| cells.len() < cells_max)?;
                numbers.insert(key, id);
                cells.push(Cell {
                    place: key.place,
                    latitudes: 0,
                    longitudes: 0,
                    points: 0,
                });
                id
            }
        };
        if key.point.is_some() {
            cells[usize::from(id)].add(spot.point);
        }
        ids.push(id);
    }
    Some((cells, ids))
}

fn coarsen(spot: Spot, grain: Grain) -> Spot {
    let place = match grain {
        Grain::Cell(_) | Grain::Place => spot.place,
        Grain::Country => spot.place.map(|place| Place {
            subdivision: None,
            ..place
        }),
        Grain::Continent => spot.place.map(|p| Place::of_continent(p.continent)),
    };
    let cell = |width: i16| {
        spot.point
            .map(|(a, o)| (a.div_euclid(width), o.div_euclid(width)))
    };
    let point = match grain {
        Grain::Cell(width) => cell(width),
        _ => None,
    };
    Spot { place, point }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Option<Coordinates> {
        Some(Coordinates {
            latitude,
            longitude,
        })
    }

    #[test]
    fn equal_spots_share_an_id_and_unknown_is_zero() {
        let germany = Place::of_country("DE").expect("a country");
        let mut table = SpotTable::new();
        let a = table.number(Spot::of_place(germany));
        let b = table.number(Spot::new(Some(germany), at(52.5, 13.4)));
        let c = table.number(Spot::new(None, at(99.0, 0.0)));
        assert_eq!((a, b, c), (1, 2, 0));
        assert_eq!(table.number(Spot::of_place(germany)), 1);
        let (infos, ids) = table.finish(65_536);
        assert_eq!(ids, [0, 1, 2]);
        assert_eq!(infos[0], KnownPlace::default());
        assert_eq!(infos[1].point, Some(germany.point()));
        assert_eq!(infos[2].point, at(52.5, 13.4));
    }

    #[test]
    fn too_many_spots_merge_by_a_grid_and_keep_their_places() {
        let mut table = SpotTable::new();
        let places = ["DE", "FR"].map(|code| Place::of_country(code).expect("a country"));
        let mut given = Vec::new();
        for i in 0..300 {
            for place in places {
                let point = at(45.0 + f64::from(i) / 100.0, 8.0 + f64::from(i) / 50.0);
                given.push((table.number(Spot::new(Some(place), point)), place, point));
            }
        }
        let (infos, ids) = table.finish(70);
        assert!(infos.len() <= 70 && infos.len() > 20, "{}", infos.len());
        for (number, place, point) in given {
            let info = &infos[usize::from(ids[number as usize])];
            assert_eq!(info.place, Some(place));
            let km = super::super::great_circle_km(
                info.point.expect("a point"),
                point.expect("a point"),
            );
            assert!(km < 60.0, "{km}");
        }
    }

    #[test]
    fn any_bound_is_kept() {
        let mut table = SpotTable::new();
        for code in ["US", "DE", "FR", "JP"] {
            let country = Place::of_country(code).expect("a country");
            for part in ["A", "B", "C"] {
                let place = country.with_subdivision(part).expect("a subdivision");
                table.number(Spot::new(Some(place), at(1.0, 2.0)));
            }
        }
        for (bound, wanted) in [(100, 13), (12, 5), (4, 4), (2, 1)] {
            let (infos, ids) = table.clone().finish(bound);
            assert_eq!(infos.len(), wanted, "at most {bound}");
            assert!(ids.iter().all(|id| usize::from(*id) < infos.len()));
        }
    }
}
