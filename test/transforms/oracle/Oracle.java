import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.ConnectSchema;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

/** Reads cases as JSON lines (class, config, records), applies Java's own transform, writes what came of each record. wire.ts has the other half. */
public class Oracle {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        // Loggers without a binding talk to stderr; only answers go to stdout.
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        System.setOut(System.err);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
        }
        out.flush();
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static ObjectNode answer(JsonNode asked) {
        ObjectNode answer = JSON.createObjectNode();
        Map<String, String> config = new HashMap<>();
        asked.get("config").fields().forEachRemaining(entry -> config.put(entry.getKey(), entry.getValue().asText()));
        Object part;
        try {
            part = Class.forName(asked.get("class").asText()).getDeclaredConstructor().newInstance();
            if (part instanceof Predicate) ((Predicate) part).configure(config);
            else ((Transformation) part).configure(config);
        } catch (Throwable error) {
            return answer.put("refused", String.valueOf(error));
        }
        ArrayNode results = answer.putArray("results");
        for (JsonNode given : asked.get("records")) {
            ConnectRecord record = record(given, asked.get("kind").asText());
            try {
                if (part instanceof Predicate) {
                    results.addObject().put("test", ((Predicate) part).test(record));
                    continue;
                }
                ConnectRecord applied = ((Transformation) part).apply(record);
                if (applied == null) results.addNull();
                else results.add(shown(applied));
            } catch (Throwable error) {
                results.addObject().put("error", String.valueOf(error));
            }
        }
        return answer;
    }

    private static ConnectRecord<?> record(JsonNode given, String kind) {
        Schema keySchema = schema(given.get("key").get("schema"));
        Schema valueSchema = schema(given.get("value").get("schema"));
        Object key = value(keySchema, given.get("key").get("value"));
        Object value = value(valueSchema, given.get("value").get("value"));
        Integer partition = given.get("partition").isNull() ? null : given.get("partition").asInt();
        Long timestamp = given.get("timestamp").isNull() ? null : given.get("timestamp").asLong();
        ConnectHeaders headers = new ConnectHeaders();
        for (JsonNode header : given.get("headers")) {
            Schema headerSchema = schema(header.get("schema"));
            headers.add(header.get("key").asText(), value(headerSchema, header.get("value")), headerSchema);
        }
        String topic = given.get("topic").asText();
        if (kind.equals("source")) {
            return new SourceRecord(Map.of(), Map.of(), topic, partition, keySchema, key, valueSchema, value, timestamp, headers);
        }
        return new SinkRecord(topic, partition == null ? 0 : partition, keySchema, key, valueSchema, value, given.get("offset").asLong(), timestamp,
                TimestampType.CREATE_TIME, headers);
    }

    private static Schema schema(JsonNode node) {
        if (node == null || node.isNull()) return null;
        Schema.Type type = Schema.Type.valueOf(node.get("type").asText().toUpperCase());
        SchemaBuilder builder;
        switch (type) {
            case STRUCT -> {
                builder = SchemaBuilder.struct();
                for (JsonNode field : node.get("fields")) builder.field(field.get("name").asText(), schema(field.get("schema")));
            }
            case ARRAY -> builder = SchemaBuilder.array(schema(node.get("values")));
            case MAP -> builder = SchemaBuilder.map(schema(node.get("keys")), schema(node.get("values")));
            default -> builder = new SchemaBuilder(type);
        }
        if (node.hasNonNull("name")) builder.name(node.get("name").asText());
        if (node.hasNonNull("version")) builder.version(node.get("version").asInt());
        if (node.hasNonNull("doc")) builder.doc(node.get("doc").asText());
        if (node.hasNonNull("parameters")) node.get("parameters").fields().forEachRemaining(p -> builder.parameter(p.getKey(), p.getValue().asText()));
        if (node.get("optional").asBoolean()) builder.optional();
        if (node.hasNonNull("default")) builder.defaultValue(value(builder.build(), node.get("default")));
        return builder.build();
    }

    private static Object value(Schema schema, JsonNode node) {
        if (node == null || node.isNull()) return null;
        if (schema == null) return plain(node);
        if (Decimal.LOGICAL_NAME.equals(schema.name())) return new BigDecimal(new BigInteger(node.get("unscaled").asText()), node.get("scale").asInt());
        if (org.apache.kafka.connect.data.Date.LOGICAL_NAME.equals(schema.name())) return new Date(node.asLong() * 86_400_000L);
        if (Time.LOGICAL_NAME.equals(schema.name())) return new Date(node.asLong());
        if (Timestamp.LOGICAL_NAME.equals(schema.name())) return new Date(Long.parseLong(node.asText()));
        return switch (schema.type()) {
            case INT8 -> (byte) node.asInt();
            case INT16 -> (short) node.asInt();
            case INT32 -> node.asInt();
            case INT64 -> Long.parseLong(node.asText());
            case FLOAT32 -> (float) Double.longBitsToDouble(Long.parseLong(node.asText()));
            case FLOAT64 -> Double.longBitsToDouble(Long.parseLong(node.asText()));
            case BOOLEAN -> node.asBoolean();
            case STRING -> node.asText();
            case BYTES -> Base64.getDecoder().decode(node.asText());
            case ARRAY -> {
                List<Object> items = new ArrayList<>();
                for (JsonNode item : node) items.add(value(schema.valueSchema(), item));
                yield items;
            }
            case MAP -> {
                Map<Object, Object> map = new LinkedHashMap<>();
                for (JsonNode pair : node) map.put(value(schema.keySchema(), pair.get(0)), value(schema.valueSchema(), pair.get(1)));
                yield map;
            }
            case STRUCT -> {
                Struct struct = new Struct(schema);
                for (int i = 0; i < schema.fields().size(); i++) {
                    Object member = value(schema.fields().get(i).schema(), node.get(i));
                    if (member != null) struct.put(schema.fields().get(i), member);
                }
                yield struct;
            }
        };
    }

    private static Object plain(JsonNode node) {
        JsonNode content = node.get("v");
        return switch (node.get("t").asText()) {
            case "int" -> Long.parseLong(content.asText());
            case "float" -> Double.longBitsToDouble(Long.parseLong(content.asText()));
            case "string" -> content.asText();
            case "boolean" -> content.asBoolean();
            case "bytes" -> Base64.getDecoder().decode(content.asText());
            case "array" -> {
                List<Object> items = new ArrayList<>();
                for (JsonNode item : content) items.add(item.isNull() ? null : plain(item));
                yield items;
            }
            default -> {
                Map<String, Object> map = new LinkedHashMap<>();
                for (JsonNode pair : content) map.put(pair.get(0).asText(), pair.get(1).isNull() ? null : plain(pair.get(1)));
                yield map;
            }
        };
    }

    private static ObjectNode shown(ConnectRecord<?> record) {
        ObjectNode shown = JSON.createObjectNode();
        shown.put("topic", record.topic());
        shown.put("partition", record.kafkaPartition());
        shown.put("timestamp", record.timestamp());
        shown.set("key", both(record.keySchema(), record.key()));
        shown.set("value", both(record.valueSchema(), record.value()));
        ArrayNode headers = shown.putArray("headers");
        for (Header header : record.headers()) headers.add(both(header.schema(), header.value()).put("key", header.key()));
        return shown;
    }

    private static ObjectNode both(Schema schema, Object value) {
        ObjectNode both = JSON.createObjectNode();
        // What a converter would refuse is no result: validation is what every one of them begins with.
        if (schema != null) ConnectSchema.validateValue(schema, value);
        if (value instanceof Struct struct) validate(struct);
        both.set("schema", shownSchema(schema));
        both.set("value", shownValue(schema, value));
        return both;
    }

    private static void validate(Struct struct) {
        struct.validate();
        for (Field field : struct.schema().fields()) {
            if (struct.getWithoutDefault(field.name()) instanceof Struct inner) validate(inner);
        }
    }

    private static JsonNode shownSchema(Schema schema) {
        if (schema == null) return JSON.nullNode();
        ObjectNode shown = JSON.createObjectNode();
        shown.put("type", schema.type().getName());
        shown.put("optional", schema.isOptional());
        shown.put("name", schema.name());
        shown.put("version", schema.version());
        shown.put("doc", schema.doc());
        Map<String, String> parameters = schema.parameters();
        shown.set("parameters", parameters == null || parameters.isEmpty() ? JSON.nullNode() : JSON.valueToTree(new TreeMap<>(parameters)));
        shown.set("default", schema.defaultValue() == null ? JSON.nullNode() : shownValue(schema, schema.defaultValue()));
        if (schema.type() == Schema.Type.STRUCT) {
            ArrayNode fields = shown.putArray("fields");
            for (Field field : schema.fields()) fields.addObject().put("name", field.name()).set("schema", shownSchema(field.schema()));
        }
        if (schema.type() == Schema.Type.MAP) shown.set("keys", shownSchema(schema.keySchema()));
        if (schema.type() == Schema.Type.MAP || schema.type() == Schema.Type.ARRAY) shown.set("values", shownSchema(schema.valueSchema()));
        return shown;
    }

    private static JsonNode shownValue(Schema schema, Object value) {
        if (value == null) return JSON.nullNode();
        if (schema == null) return shownPlain(value);
        if (value instanceof BigDecimal decimal) return decimal(decimal);
        if (value instanceof Date date) {
            if (org.apache.kafka.connect.data.Date.LOGICAL_NAME.equals(schema.name())) {
                return JSON.valueToTree(org.apache.kafka.connect.data.Date.fromLogical(schema, date));
            }
            if (Time.LOGICAL_NAME.equals(schema.name())) return JSON.valueToTree(Time.fromLogical(schema, date));
            return JSON.valueToTree(String.valueOf(Timestamp.fromLogical(schema, date)));
        }
        return switch (schema.type()) {
            case INT8, INT16, INT32, BOOLEAN, STRING -> JSON.valueToTree(value);
            case INT64 -> JSON.valueToTree(value.toString());
            case FLOAT32, FLOAT64 -> bits(((Number) value).doubleValue());
            case BYTES -> bytes(value);
            case ARRAY -> {
                ArrayNode items = JSON.createArrayNode();
                for (Object item : (List<?>) value) items.add(shownValue(schema.valueSchema(), item));
                yield items;
            }
            case MAP -> {
                ArrayNode pairs = JSON.createArrayNode();
                ((Map<?, ?>) value).forEach((k, v) -> pairs.addArray().add(shownValue(schema.keySchema(), k)).add(shownValue(schema.valueSchema(), v)));
                yield pairs;
            }
            case STRUCT -> {
                ArrayNode members = JSON.createArrayNode();
                Struct struct = (Struct) value;
                for (Field field : schema.fields()) members.add(shownValue(field.schema(), struct.getWithoutDefault(field.name())));
                yield members;
            }
        };
    }

    private static JsonNode shownPlain(Object value) {
        if (value instanceof Byte || value instanceof Short || value instanceof Integer || value instanceof Long) return tagged("int", JSON.valueToTree(value.toString()));
        if (value instanceof Float || value instanceof Double) return tagged("float", bits(((Number) value).doubleValue()));
        if (value instanceof String) return tagged("string", JSON.valueToTree(value));
        if (value instanceof Boolean) return tagged("boolean", JSON.valueToTree(value));
        if (value instanceof BigDecimal decimal) return tagged("decimal", decimal(decimal));
        if (value instanceof byte[] || value instanceof ByteBuffer) return tagged("bytes", bytes(value));
        if (value instanceof List<?> list) {
            ArrayNode items = JSON.createArrayNode();
            for (Object item : list) items.add(item == null ? JSON.nullNode() : shownPlain(item));
            return tagged("array", items);
        }
        if (value instanceof Map<?, ?> map) {
            // Connect's transforms copy into hash maps: their order says nothing.
            TreeMap<String, Object> sorted = new TreeMap<>();
            map.forEach((k, v) -> sorted.put(String.valueOf(k), v));
            ArrayNode pairs = JSON.createArrayNode();
            sorted.forEach((k, v) -> pairs.addArray().add(k).add(v == null ? JSON.nullNode() : shownPlain(v)));
            return tagged("map", pairs);
        }
        if (value instanceof Struct) return tagged("struct", JSON.valueToTree(value.toString()));
        return tagged(value.getClass().getName(), JSON.valueToTree(value.toString()));
    }

    private static ObjectNode tagged(String tag, JsonNode content) {
        ObjectNode tagged = JSON.createObjectNode().put("t", tag);
        tagged.set("v", content);
        return tagged;
    }

    private static JsonNode decimal(BigDecimal decimal) {
        return JSON.createObjectNode().put("unscaled", decimal.unscaledValue().toString()).put("scale", decimal.scale());
    }

    private static JsonNode bits(double number) {
        return JSON.valueToTree(String.valueOf(Double.doubleToLongBits(number)));
    }

    private static JsonNode bytes(Object value) {
        if (value instanceof byte[] array) return JSON.valueToTree(Base64.getEncoder().encodeToString(array));
        ByteBuffer buffer = ((ByteBuffer) value).duplicate();
        byte[] copy = new byte[buffer.remaining()];
        buffer.get(copy);
        return JSON.valueToTree(Base64.getEncoder().encodeToString(copy));
    }
}
