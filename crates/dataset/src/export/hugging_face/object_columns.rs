//! Objects as the struct of lists that detection has in `datasets`.

use crate::export::objects::Object;
use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
};
use arrow_array::{ArrayRef, StructArray};
use std::io;
use std::sync::Arc;

/// The column `objects`: of each frame its objects.
///
/// # Errors
/// None but of a library that contradicts itself.
pub(super) fn objects_column(frames: &[Vec<Object<'_>>]) -> io::Result<ArrayRef> {
    let columns = Columns::of(frames);
    let fields: Vec<(&str, ArrayRef)> = columns.into_fields();
    let fields = fields.into_iter().map(|(name, array)| {
        let field = arrow_schema::Field::new(name, array.data_type().clone(), true);
        (Arc::new(field), array)
    });
    let (fields, arrays): (Vec<_>, Vec<_>) = fields.unzip();
    let objects = StructArray::try_new_with_length(fields.into(), arrays, None, frames.len());
    objects
        .map(|objects| Arc::new(objects) as ArrayRef)
        .map_err(io::Error::other)
}

#[derive(Default)]
struct Columns {
    bbox: ListBuilder<ListBuilder<Float64Builder>>,
    category: ListBuilder<Int64Builder>,
    area: ListBuilder<Float64Builder>,
    rotation: ListBuilder<Float64Builder>,
    kind: ListBuilder<StringBuilder>,
    segmentation: ListBuilder<ListBuilder<ListBuilder<Float64Builder>>>,
    occluded: ListBuilder<BooleanBuilder>,
}

impl Columns {
    fn of(frames: &[Vec<Object<'_>>]) -> Self {
        let mut columns = Self::default();
        for objects in frames {
            for object in objects {
                columns.push(object);
            }
            columns.end_frame();
        }
        columns
    }

    fn push(&mut self, object: &Object<'_>) {
        self.bbox.values().values().append_slice(&object.bbox);
        self.bbox.values().append(true);
        self.category.values().append_value(object.label_id.into());
        self.area.values().append_value(object.area);
        self.rotation.values().append_value(object.rotation);
        self.kind.values().append_value(object.kind);
        let polygons = self.segmentation.values();
        for polygon in &object.segmentation {
            polygons.values().values().append_slice(polygon);
            polygons.values().append(true);
        }
        polygons.append(true);
        self.occluded.values().append_value(object.occluded);
    }

    fn end_frame(&mut self) {
        self.bbox.append(true);
        self.category.append(true);
        self.area.append(true);
        self.rotation.append(true);
        self.kind.append(true);
        self.segmentation.append(true);
        self.occluded.append(true);
    }

    fn into_fields(mut self) -> Vec<(&'static str, ArrayRef)> {
        // By name, as `features` has them: a struct in another order is another type to `datasets`, which
        // then leaves the names of labels out.
        vec![
            ("area", Arc::new(self.area.finish())),
            ("bbox", Arc::new(self.bbox.finish())),
            ("category", Arc::new(self.category.finish())),
            ("kind", Arc::new(self.kind.finish())),
            ("occluded", Arc::new(self.occluded.finish())),
            ("rotation", Arc::new(self.rotation.finish())),
            ("segmentation", Arc::new(self.segmentation.finish())),
        ]
    }
}
