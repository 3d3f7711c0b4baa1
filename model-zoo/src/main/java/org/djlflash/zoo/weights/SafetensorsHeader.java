package org.djlflash.zoo.weights;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.djlflash.zoo.json.JsonFields;
import org.djlflash.zoo.json.StrictJson;

/**
 * The header of a safetensors file, checked as a whole: the tensors fill the data from its first to
 * its last byte, in the order of the map, with neither a hole nor an overlap.
 */
record SafetensorsHeader(Map<String, TensorInfo> tensors, Map<String, String> metadata) {

    private static final String METADATA = "__metadata__";

    static SafetensorsHeader parse(byte[] json, long dataBytes, String fileName)
            throws MalformedModelException {
        JsonFields fields = StrictJson.parse(json, fileName);
        Map<String, String> metadata = Map.of();
        List<TensorInfo> infos = new ArrayList<>();
        for (String key : fields.keys()) {
            if (METADATA.equals(key)) {
                metadata = fields.requireStrings(key);
            } else {
                infos.add(tensor(key, fields.requireObject(key)));
            }
        }
        infos.sort(Comparator.comparingLong(TensorInfo::begin).thenComparing(TensorInfo::end));
        checkLayout(infos, dataBytes, fileName);

        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        infos.forEach(info -> tensors.put(info.name(), info));
        return new SafetensorsHeader(Collections.unmodifiableMap(tensors), metadata);
    }

    private static TensorInfo tensor(String name, JsonFields fields)
            throws MalformedModelException {
        SafetensorsType dtype = dtype(fields);
        long[] shape = fields.requireSizes("shape");
        long[] offsets = fields.requireSizes("data_offsets");
        if (offsets.length != 2 || offsets[0] > offsets[1]) {
            throw fields.refuse("data_offsets", "a begin and an end not before it");
        }
        if (byteSize(fields, dtype, shape) != offsets[1] - offsets[0]) {
            throw fields.refuse(
                    "data_offsets",
                    "as far apart as shape " + Arrays.toString(shape) + " of " + dtype + " is big");
        }
        return new TensorInfo(name, dtype, new Shape(shape), offsets[0], offsets[1]);
    }

    private static SafetensorsType dtype(JsonFields fields) throws MalformedModelException {
        String name = fields.requireString("dtype");
        return Arrays.stream(SafetensorsType.values())
                .filter(type -> type.name().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                fields.refuse(
                                        "dtype",
                                        "one of " + Arrays.toString(SafetensorsType.values())));
    }

    private static long byteSize(JsonFields fields, SafetensorsType dtype, long[] shape)
            throws MalformedModelException {
        try {
            long bits = dtype.bits();
            for (long dimension : shape) {
                bits = Math.multiplyExact(bits, dimension);
            }
            if (bits % Byte.SIZE != 0) {
                throw fields.refuse("shape", "a whole number of bytes of " + dtype);
            }
            return bits / Byte.SIZE;
        } catch (ArithmeticException e) {
            throw fields.refuse("shape", "of fewer than 2^63 bits");
        }
    }

    private static void checkLayout(List<TensorInfo> infos, long dataBytes, String fileName)
            throws MalformedModelException {
        long end = 0;
        for (TensorInfo info : infos) {
            if (info.begin() != end) {
                throw new MalformedModelException(
                        String.format(
                                "%s: \"%s\" must begin at byte %d, where the tensor before it ends,"
                                        + " found %d",
                                fileName, info.name(), end, info.begin()));
            }
            end = info.end();
        }
        if (end != dataBytes) {
            throw new MalformedModelException(
                    String.format(
                            "%s: the tensors end at byte %d of the data, the file at byte %d",
                            fileName, end, dataBytes));
        }
    }
}
